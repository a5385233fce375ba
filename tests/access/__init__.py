"""Tests of image_erase.access."""
