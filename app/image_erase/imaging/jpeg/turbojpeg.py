"""Call libjpeg-turbo's lossless transform, with a Python function that may edit the coefficients."""

import contextlib
import ctypes
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.library import Filter, Region, Transform, find_library, has_v3

Coefficients: TypeAlias = NDArray[np.int16]

_END_OF_IMAGE = b"\xff\xd9"
_SCAN_LIMIT = 200
_LARGEST = 1023
_LIMIT_SCANS = 32768
_PARAMETER_SCANLIMIT, _PARAMETER_RESTARTBLOCKS = 13, 18
_ERROR_WARNING = 0


class TransformFailed(ValueError):
    """libjpeg-turbo refused the picture."""


class RowEditor(Protocol):
    """Changes quantised coefficients, one row of blocks of one component at a time."""

    def has_edits(self, component: int, row: int) -> bool:
        """Whether `edit` is needed for a row; giving it the blocks takes time."""
        ...

    def edit(self, component: int, row: int, blocks: Coefficients) -> None:
        """Edit a row in place.

        blocks: a view, N x 64 int16, of the blocks of the turned picture (vertical frequency first), valid during the
        call only.
        """
        ...


class Unchanged:
    """A RowEditor that changes nothing."""

    def has_edits(self, _component: int, _row: int) -> bool:
        """Return False."""
        return False

    def edit(self, _component: int, _row: int, _blocks: Coefficients) -> None:
        """Do nothing."""


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


@dataclass(frozen=True)
class Rewriting:
    """How a JPEG is rewritten.

    restart_interval: in MCUs of the result, 0 for none. It and optimised Huffman tables need TurboJPEG 3.1.
    """

    turn: Turn = Turn.NONE
    options: Option = Option.COPY_NOTHING
    restart_interval: int = 0


def transform(source: bytes, how: Rewriting, editor: RowEditor) -> bytes:
    """Rewrite `source` losslessly from its coefficients, turned, after its rows of blocks have been edited.

    Raises TransformFailed, also for damage that libjpeg only warns of, or what the editor raised.
    """
    call, raised = _Call(find_library(), source), list[Exception]()
    job = Transform(Region(), how.turn, how.options, None, _guarded(call, lambda: editor, raised))
    with _raising(raised):
        return call.run([job], how.restart_interval)[0]


def transform_and_crop(
    source: bytes, how: Rewriting, part: tuple[slice, slice], editor_for: Callable[[bytes], RowEditor]
) -> bytes:
    """Rewrite `source` as `transform` does, with an editor that depends on the pixels of a part of it.

    part: rows and columns as stored, in whole MCUs or up to the border. editor_for: is called once, when all of
    `source` has been read without a warning, with a JPEG of that part. Needs TurboJPEG 3. Raises TransformFailed,
    before or after that, or what editor_for or the editor raised.
    """
    call, raised = _Call(find_library(), source), list[Exception]()

    @functools.cache
    def editor() -> RowEditor:
        call.check()
        return editor_for(call.result(0))

    # In another order, differences of DC coefficients may be larger than Huffman codes allow, which is not noticed.
    checked = _guarded(call, Unchanged, raised, checks=True)
    first = Transform(_region(part), Turn.NONE, Option.CROP | Option.COPY_NOTHING, None, checked)
    second = Transform(Region(), how.turn, how.options, None, _guarded(call, editor, raised))
    with _raising(raised):
        return call.run([first, second], how.restart_interval)[1]


def crop(source: bytes, rows: slice, columns: slice) -> bytes:
    """Cut a rectangle of whole MCUs, or up to the border, losslessly out of a JPEG. It gets no metadata.

    The result is progressive, which is smallest. Raises TransformFailed.
    """
    options = Option.CROP | Option.PROGRESSIVE | Option.OPTIMISE | Option.COPY_NOTHING
    job = Transform(_region((rows, columns)), Turn.NONE, options, None, Filter())
    return _Call(find_library(), source).run([job], 0)[0]


def _region(part: tuple[slice, slice]) -> Region:
    rows, columns = part
    return Region(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


class _Call:
    """One call of the library, which reads the coefficients once and then does one job after the other."""

    def __init__(self, library: ctypes.CDLL, source: bytes) -> None:
        self.library = library
        self._source = source
        self._handle = library.tjInitTransform()
        if not self._handle:
            raise MemoryError("tjInitTransform")

    def run(self, jobs: list[Transform], restart_interval: int) -> list[bytes]:
        """Do the jobs and return their results. Can be called once. Raises TransformFailed."""
        count = len(jobs)
        self._targets, self._sizes = (ctypes.c_void_p * count)(), (ctypes.c_size_t * count)()
        try:
            if self._transform((Transform * count)(*jobs), restart_interval):
                self._raise_unless_padded()
            return [self.result(number) for number in range(count)]
        finally:
            self.library.tjDestroy(self._handle)
            for target in self._targets:
                self.library.tjFree(target)

    def _transform(self, jobs: "ctypes.Array[Transform]", restart_interval: int) -> int:
        call = self._handle, self._source, len(self._source), len(jobs), self._targets, self._sizes, jobs
        if not has_v3(self.library):
            return int(self.library.tjTransform(*call, _LIMIT_SCANS))
        self.library.tj3Set(self._handle, _PARAMETER_SCANLIMIT, _SCAN_LIMIT)
        self.library.tj3Set(self._handle, _PARAMETER_RESTARTBLOCKS, restart_interval)
        return int(self.library.tj3Transform(*call))

    def result(self, number: int) -> bytes:
        """Return the result of a job that is done."""
        coded = ctypes.string_at(self._targets[number] or 0, self._sizes[number]) if self._targets[number] else b""
        # An error after a warning keeps the warning's text, so the text alone does not prove that a result is complete.
        if not coded.endswith(_END_OF_IMAGE):
            raise TransformFailed("the result broke off")
        return coded

    def check(self) -> None:
        """Raise TransformFailed for a warning during the call."""
        if self.library.tjGetErrorCode(self._handle) == _ERROR_WARNING:
            self._raise_unless_padded()

    def _raise_unless_padded(self) -> None:
        """Raise TransformFailed for every warning except the one about padding before the EOI, which cameras write.

        Damaged data gives different coefficients in different releases of libjpeg-turbo, so the coefficients read here
        may differ from what the decoder showed. The text is that of the first warning.
        """
        message = self.library.tjGetErrorStr2(self._handle)
        if not message.endswith(b"extraneous bytes before marker 0xd9"):
            raise TransformFailed(message.decode("ascii", "replace"))


@contextlib.contextmanager
def _raising(raised: list[Exception]) -> Iterator[None]:
    """Raise what was raised while C was running instead of what that made of it."""
    try:
        yield
    except TransformFailed:
        if raised:
            # Without the list, the exception does not refer to itself through the frames that it has passed.
            raise raised.pop() from None
        raise


def _guarded(
    call: _Call, editor: Callable[[], RowEditor], raised: list[Exception], *, checks: bool = False
) -> Callable[..., int]:
    """Wrap an editor for C. Exceptions cannot pass through libjpeg: they are kept and raised after C has returned.

    checks: whether coefficients out of range are refused.
    """
    checks = checks or not has_v3(call.library)

    def rows(blocks: "ctypes._Pointer[ctypes.c_short]", row: Region, plane: Region, component: int, *_: object) -> int:
        try:
            if row.y >= plane.h:
                return 0
            wanted = editor().has_edits(component, row.y // 8)
            if checks:
                _check(np.ctypeslib.as_array(blocks, (row.w // 8, 64)))
            if wanted:
                editor().edit(component, row.y // 8, np.ctypeslib.as_array(blocks, (row.w // 8, 64)))
        except Exception as error:
            raised.append(error)
            return -1
        return 0

    return Filter(rows)


def _check(blocks: Coefficients) -> None:
    """Refuse coefficients that no 8-bit picture has, for which garbage might be encoded."""
    if blocks.min() < -_LARGEST - 1 or blocks.max() > _LARGEST:
        raise TransformFailed("a coefficient is out of range")
