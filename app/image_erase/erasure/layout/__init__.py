"""What a hole may hide, at low resolution: a network lays out, and the patches follow."""

from image_erase.erasure.layout.engine import LayoutEngine
from image_erase.erasure.layout.network import WEIGHTS, LayoutNetwork
from image_erase.erasure.layout.operator import OperatorSketcher
from image_erase.erasure.layout.sketch import Sketch, Sketcher

__all__ = ["WEIGHTS", "LayoutEngine", "LayoutNetwork", "OperatorSketcher", "Sketch", "Sketcher"]
