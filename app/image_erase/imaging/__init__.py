"""Reading and writing of image files: bytes to pixels and back."""
