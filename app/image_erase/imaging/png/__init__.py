"""PNG files below the level of pixels."""
