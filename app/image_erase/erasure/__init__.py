"""Pixels to pixels: everything that fills holes; knows no file, no HTTP, no settings."""
