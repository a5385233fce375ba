"""Pixels to pixels: the engines that fill holes. Independent of files, HTTP and settings."""
