"""WebP files."""
