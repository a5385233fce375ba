"""Fill a hole by a neural network that the operator supplies."""

from .engine import Frame, NeuralEngine

__all__ = ["Frame", "NeuralEngine"]
