"""Tests of image_erase.batch."""
