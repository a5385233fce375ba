"""How much of the picture a region gets as context when it is filled by copying."""

from __future__ import annotations

NEAR = 128
"""Parts of the hole with fewer known pixels between them are filled together."""

LEAST_CONTEXT = 48
"""Context in pixels around the thinnest part."""

CONTEXT = 2.0
"""Further context, as a multiple of the region's greatest width."""


def context(width: float) -> float:
    """The context in pixels around a region with that greatest width in pixels."""
    return LEAST_CONTEXT + CONTEXT * width
