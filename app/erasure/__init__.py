"""Pixels -> pixels: fills holes. Knows no file, no HTTP and no settings."""
