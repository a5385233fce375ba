"""Fill a hole by a network that the operator brings."""

from .engine import Frame, NeuralEngine
from .graph import ModelError

__all__ = ["Frame", "ModelError", "NeuralEngine"]
