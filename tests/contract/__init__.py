"""Tests of image_erase.contract."""
