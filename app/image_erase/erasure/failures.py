"""Failures of filling a hole, and of loading a network."""


class NothingToFillFrom(ValueError):
    """The hole covers the whole picture."""


class ModelError(Exception):
    """A network cannot be used; the message is one line with the reason and the remedy."""
