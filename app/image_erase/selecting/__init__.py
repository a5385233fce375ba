"""Selecting: find the object that a rough mask marks."""
