"""A JPEG in which nothing changes but what has to."""
