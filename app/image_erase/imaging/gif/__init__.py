"""GIF files."""
