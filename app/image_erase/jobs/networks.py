"""The networks of a worker. Raised ModelErrors name the setting."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from image_erase.erasure.failures import ModelError
from image_erase.erasure.layout import WEIGHTS, LayoutEngine, LayoutNetwork, OperatorSketcher
from image_erase.erasure.neural import NeuralEngine

if TYPE_CHECKING:
    from image_erase.jobs.options import Network


def operators_network(network: Network) -> NeuralEngine | None:
    """Load the operator's network; None if there is none. Raises ModelError."""
    if not network.model:
        return None
    with _setting("ERASE_ONNX_MODEL"):
        return NeuralEngine(
            Path(network.model),
            channel_order=network.channels,
            mask_polarity=network.mask,
            output_range=network.output,
        )


def layouts(layout: str, own: NeuralEngine | None) -> LayoutEngine | None:
    """Return what predicts layouts: the operator's own network, or else the layout network; None if that is off.

    layout: its file, `auto` for the packaged one, `off` for none. Raises ModelError.
    """
    sketcher = OperatorSketcher(own) if own else _layout_network(layout)
    return LayoutEngine(sketcher) if sketcher else None


def _layout_network(layout: str) -> LayoutNetwork | None:
    if layout == "off":
        return None
    with _setting("ERASE_LAYOUT"):
        return LayoutNetwork(WEIGHTS if layout == "auto" else Path(layout))


@contextlib.contextmanager
def _setting(name: str) -> Iterator[None]:
    """Add the name of the setting to a ModelError."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
