"""Encode pixels with Pillow as a JPEG similar to a given one."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.jpeg.frame import ColourSpace, Frame

_SAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0"}


def coded_by_pillow(frame: Frame, filled: NDArray[np.uint8]) -> bytes:
    """Encode `filled` with the quantisation tables and the mode of `frame`.

    filled: H x W grey, H x W x 3 RGB or H x W x 4 CMYK in Pillow's polarity. Pillow numbers tables by component and
    supports three samplings; any other becomes 4:4:4, which is lossless.
    """
    tables = [frame.tables[each.table] for each in frame.components]
    distinct = [tables[0], *(table for table in tables[1:2] if not np.array_equal(table, tables[0]))]
    file = io.BytesIO()
    Image.fromarray(filled, _mode(filled)).save(
        file,
        "JPEG",
        qtables=[table.reshape(64).tolist() for table in distinct],
        subsampling=_sampling(frame),
        progressive=frame.progressive,
        optimize=True,
        keep_rgb=frame.colours is ColourSpace.RGB,
    )
    return file.getvalue()


def _sampling(frame: Frame) -> str:
    chroma = {(frame.most_across // each.across, frame.most_down // each.down) for each in frame.components[1:3]}
    return _SAMPLINGS.get(chroma.pop(), "4:4:4") if len(chroma) == 1 else "4:4:4"


def _mode(filled: NDArray[np.uint8]) -> str:
    channels = filled.shape[2] if filled.ndim == 3 else 1
    return {1: "L", 3: "RGB", 4: "CMYK"}[channels]
