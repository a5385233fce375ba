"""Pixels and a rough mask -> the mask of the object."""
