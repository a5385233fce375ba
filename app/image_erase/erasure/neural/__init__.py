"""Fill a hole by a network that the operator brings."""

from .engine import Frame, NeuralEngine
from .runtime import ModelError

__all__ = ["Frame", "ModelError", "NeuralEngine"]
