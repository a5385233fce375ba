"""Layouts: a network's low-resolution prediction of what a hole hides, which the patches follow."""

from image_erase.erasure.layout.engine import LayoutEngine
from image_erase.erasure.layout.network import WEIGHTS, LayoutNetwork
from image_erase.erasure.layout.operator import OperatorSketcher
from image_erase.erasure.layout.sketch import Sketch, Sketcher

__all__ = ["WEIGHTS", "LayoutEngine", "LayoutNetwork", "OperatorSketcher", "Sketch", "Sketcher"]
