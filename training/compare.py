"""Compare layout networks on photographs that they have not seen."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np
import onnxruntime
import torch

from . import masks, packs, tiles
from .batches import held_out
from .graph import INPUTS
from .measure import Figures, Measure
from .perceptual import Lpips

SEED = 7_000
"""Of the holes; training uses others."""

ERRORS = 3
"""The log level that leaves out warnings, such as of tensors that only training needs."""


def compare(
    models: Sequence[pathlib.Path], pack: pathlib.Path, lpips: pathlib.Path | None, count: int
) -> dict[str, Figures]:
    """Figures of the smooth fill and of each ONNX file.

    pack: photographs, all of which are used. lpips: weights of the perceptual distance. count: how many crops.
    """
    device = torch.device("cpu")
    whole = np.stack([tiles.cut(picture)[0] for picture in packs.decode(packs.read(pack))])
    measure = Measure(*held_out(whole, masks.generate(count, SEED), device, count), Lpips(lpips) if lpips else None)
    return {"smooth fill": measure.smooth()} | {str(model): _figures(model, measure) for model in models}


def _figures(model: pathlib.Path, measure: Measure) -> Figures:
    """Figures of an ONNX file, one crop at a time as in use."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    answers = []
    for image, mask in zip(measure.image, measure.mask, strict=True):
        values = (image[None].contiguous().numpy(), mask[None].numpy())
        answers.append(session.run(None, dict(zip(INPUTS, values, strict=True))))
    layout, *confidence = (torch.from_numpy(np.concatenate(values)) for values in zip(*answers, strict=True))
    return measure.layout(layout, confidence[0] if confidence else None)
