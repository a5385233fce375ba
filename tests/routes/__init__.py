"""Tests of image_erase.routes."""
