"""Images, masks and results of `image-erase erase` in object stores instead of local folders."""
