"""Pixels and a rough mask -> the mask of the thing meant."""
