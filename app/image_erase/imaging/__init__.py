"""Bytes <-> pixels."""
