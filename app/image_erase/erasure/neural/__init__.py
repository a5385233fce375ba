"""Fill a hole by a neural network that the operator supplies."""

from .engine import Frame, NeuralEngine
from .runtime import ModelError

__all__ = ["Frame", "ModelError", "NeuralEngine"]
