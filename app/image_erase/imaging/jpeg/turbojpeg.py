"""Call libjpeg-turbo's lossless transform, with a Python function that may edit the coefficients."""

import ctypes
from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.library import Filter, Region, Transform, find_library, has_v3

Coefficients: TypeAlias = NDArray[np.int16]
EditRow: TypeAlias = Callable[[int, int, Coefficients], None]
HasEdits: TypeAlias = Callable[[int, int], bool]

_END_OF_IMAGE = b"\xff\xd9"
_SCAN_LIMIT = 200
_LARGEST = 1023
_LIMIT_SCANS = 32768
_PARAMETER_SCANLIMIT, _PARAMETER_RESTARTBLOCKS = 13, 18


def _always(_component: int, _row: int) -> bool:
    return True


class TransformFailed(ValueError):
    """libjpeg-turbo refused the picture."""


class Turn(IntEnum):
    """TurboJPEG's TJXOP: rotations and flips of the transform."""

    NONE = 0
    MIRROR = 1
    FLIP = 2
    TRANSPOSE = 3
    TRANSVERSE = 4
    RIGHT = 5
    HALF = 6
    LEFT = 7


class Option(IntFlag):
    """The options of TurboJPEG's TJXOPT that are used here."""

    PERFECT = 1
    CROP = 4
    PROGRESSIVE = 32
    COPY_NOTHING = 64
    OPTIMISE = 256


def transform(
    source: bytes, turn: Turn, options: Option, restart_interval: int, edit: EditRow, *, has_edits: HasEdits = _always
) -> bytes:
    """Rewrite `source` losslessly from its coefficients, turned, after calling `edit` for rows of blocks.

    edit(component, row, blocks): blocks is a writable view, N x 64 int16, of the quantised coefficients
    of one row of blocks of the turned picture (vertical frequency first), valid during the call only.
    has_edits(component, row): whether `edit` is needed for a row; giving it the blocks takes time.
    The restart interval counts MCUs of the result; it and optimised Huffman tables need TurboJPEG 3.1.
    Raises TransformFailed, also for damage that libjpeg only warns of, or what `edit` raised.
    """
    library, raised = find_library(), list[Exception]()
    if not has_v3(library):
        edit, has_edits = _checked(edit), _always
    job = Transform(Region(), turn, options, None, _guarded(edit, has_edits, raised))
    try:
        return _run(library, source, job, restart_interval)
    except TransformFailed:
        if raised:
            raise raised[0] from None
        raise


def crop(source: bytes, rows: slice, columns: slice) -> bytes:
    """Cut a rectangle of whole MCUs, or up to the border, losslessly out of a JPEG. It gets no metadata.

    The result is progressive, which is smallest. Raises TransformFailed.
    """
    region = Region(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    options = Option.CROP | Option.PROGRESSIVE | Option.OPTIMISE | Option.COPY_NOTHING
    return _run(find_library(), source, Transform(region, Turn.NONE, options, None, Filter()), 0)


def _run(library: ctypes.CDLL, source: bytes, job: Transform, restart_interval: int) -> bytes:
    handle = library.tjInitTransform()
    if not handle:
        raise MemoryError("tjInitTransform")
    try:
        return _transformed(library, handle, source, job, restart_interval)
    finally:
        library.tjDestroy(handle)


def _transformed(library: ctypes.CDLL, handle: int, source: bytes, job: Transform, restart_interval: int) -> bytes:
    target, size = ctypes.c_void_p(), ctypes.c_size_t()
    call = (handle, source, len(source), 1, ctypes.byref(target), ctypes.byref(size), ctypes.byref(job))
    try:
        if has_v3(library):
            library.tj3Set(handle, _PARAMETER_SCANLIMIT, _SCAN_LIMIT)
            library.tj3Set(handle, _PARAMETER_RESTARTBLOCKS, restart_interval)
            status = library.tj3Transform(*call)
        else:
            status = library.tjTransform(*call, _LIMIT_SCANS)
        if status:
            _raise_unless_padded(library.tjGetErrorStr2(handle))
        coded = ctypes.string_at(target, size.value) if target else b""
    finally:
        library.tjFree(target)
    # An error after a warning keeps the warning's text, so the text alone does not prove that the result is complete.
    if not coded.endswith(_END_OF_IMAGE):
        raise TransformFailed("the result broke off")
    return coded


def _raise_unless_padded(message: bytes) -> None:
    """Raise TransformFailed for every warning except the one about padding before the EOI, which cameras write.

    Damaged data gives different coefficients in different releases of libjpeg-turbo, so the coefficients read here
    may differ from what the decoder showed. The text is that of the first warning.
    """
    if not message.endswith(b"extraneous bytes before marker 0xd9"):
        raise TransformFailed(message.decode("ascii", "replace"))


def _checked(edit: EditRow) -> EditRow:
    """Refuse coefficients that no 8-bit picture has; TurboJPEG 2 would silently encode garbage for them."""

    def checked(component: int, row: int, blocks: Coefficients) -> None:
        if blocks.min() < -_LARGEST - 1 or blocks.max() > _LARGEST:
            raise TransformFailed("a coefficient is out of range")
        edit(component, row, blocks)

    return checked


def _guarded(edit: EditRow, has_edits: HasEdits, raised: list[Exception]) -> Callable[..., int]:
    """Wrap `edit` for C. Exceptions cannot pass through libjpeg: they are kept and raised after C has returned."""

    def rows(blocks: "ctypes._Pointer[ctypes.c_short]", row: Region, plane: Region, component: int, *_: object) -> int:
        try:
            if row.y >= plane.h or not has_edits(component, row.y // 8):
                return 0
            edit(component, row.y // 8, np.ctypeslib.as_array(blocks, (row.w // 8, 64)))
        except Exception as error:
            raised.append(error)
            return -1
        return 0

    return Filter(rows)
