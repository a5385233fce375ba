"""BMP files below the level of pixels."""
