"""The command `image-erase erase`: erase from one file or a folder, with local workers or through a server."""
