"""JPEG files, edited block by block so that the rest of the picture is unchanged."""
