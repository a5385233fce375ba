"""Why a hole cannot be filled, or an eraser not be made."""


class NothingToFillFrom(ValueError):
    """The hole covers the whole picture."""


class ModelError(Exception):
    """A network cannot be used; the message is one line with the reason and the remedy."""
