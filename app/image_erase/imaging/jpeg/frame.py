"""The header of a JPEG: size, components, tables, colour space, completeness."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.markers import APP0, APP14, DQT, DRI, SOS, BadJpeg, Segment

Table: TypeAlias = NDArray[np.uint16]

BLOCK = 8
SOF_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = frozenset({0xC2, 0xCA})
# Huffman baseline, extended and progressive, and the same with arithmetic coding (T.81, table B.1)
DCT_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})

_ORDER = sorted(range(64), key=lambda at: (at // 8 + at % 8, (at // 8, at % 8)[(at // 8 + at % 8) % 2 == 0]))
ZIGZAG: NDArray[np.intp] = np.array(_ORDER, dtype=np.intp)


class ColourSpace(Enum):
    """The colour space of a JPEG's components."""

    GREY = "grey"
    YCC = "YCbCr"
    RGB = "RGB"
    CMYK = "CMYK"
    YCCK = "YCCK"


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a frame: `across` and `down` are its sampling factors, `table` its quantisation slot."""

    identifier: int
    across: int
    down: int
    table: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The header of one JPEG picture, as stored (not turned upright)."""

    marker: int
    precision: int
    width: int
    height: int
    components: tuple[Component, ...]
    tables: dict[int, Table]
    restart_interval: int
    colours: ColourSpace
    scans: int
    complete: bool

    @property
    def progressive(self) -> bool:
        """Whether the coefficients are stored in progressive scans."""
        return self.marker in PROGRESSIVE

    @property
    def most_across(self) -> int:
        """The largest horizontal sampling factor."""
        return max(each.across for each in self.components)

    @property
    def most_down(self) -> int:
        """The largest vertical sampling factor."""
        return max(each.down for each in self.components)

    @property
    def samples(self) -> int:
        """The number of samples, and coefficients, of all components; without those that pad MCUs."""
        share = sum(each.across * each.down for each in self.components) / (self.most_across * self.most_down)
        return round(self.width * self.height * share)

    @property
    def regular(self) -> bool:
        """Whether every sample spans a whole number of pixels and every component has its table."""
        return all(
            self.most_across % each.across == 0 and self.most_down % each.down == 0 and each.table in self.tables
            for each in self.components
        )

    def upright(self, transposed: bool) -> "Frame":
        """Return the header of the picture with rows and columns swapped if `transposed`."""
        if not transposed:
            return self
        return replace(
            self,
            width=self.height,
            height=self.width,
            components=tuple(replace(each, across=each.down, down=each.across) for each in self.components),
            tables={slot: table.T for slot, table in self.tables.items()},
        )


def read_frame(segments: Sequence[Segment]) -> Frame:
    """Read the header of a picture from its segments. Raises BadJpeg if it is invalid."""
    frames = [each for each in segments if each.marker in SOF_MARKERS]
    if len(frames) != 1 or len(frames[0].payload) < 6:
        raise BadJpeg("not exactly one frame header")
    payload = frames[0].payload
    components = _components(payload)
    restarts = [each.payload for each in segments if each.marker == DRI]
    scans = [each.payload for each in segments if each.marker == SOS]
    return Frame(
        marker=frames[0].marker,
        precision=payload[0],
        height=int.from_bytes(payload[1:3]),
        width=int.from_bytes(payload[3:5]),
        components=components,
        tables=_tables(segments),
        restart_interval=int.from_bytes(restarts[-1][:2]) if restarts else 0,
        colours=_colours(segments, components),
        scans=len(scans),
        complete=frames[0].marker not in PROGRESSIVE or _all_bits_sent(scans, components),
    )


def _components(payload: bytes) -> tuple[Component, ...]:
    listed = payload[6 : 6 + 3 * payload[5]]
    if len(listed) != 3 * payload[5] or not listed:
        raise BadJpeg("the frame header is cut")
    components = tuple(
        Component(listed[at], listed[at + 1] >> 4, listed[at + 1] & 15, listed[at + 2])
        for at in range(0, len(listed), 3)
    )
    if any(not (1 <= each.across <= 4 and 1 <= each.down <= 4) for each in components):
        raise BadJpeg("a sampling factor is out of range")
    return components


def _tables(segments: Sequence[Segment]) -> dict[int, Table]:
    """Return the quantisation tables by slot, each 8x8 with the vertical frequency first."""
    tables: dict[int, Table] = {}
    for each in segments:
        at = 0
        while each.marker == DQT and at < len(each.payload):
            wide, slot = each.payload[at] >> 4 > 0, each.payload[at] & 15
            end = at + 65 + 64 * wide
            if end > len(each.payload):
                raise BadJpeg("a quantisation table is cut")
            tables[slot] = _table(np.frombuffer(each.payload[at + 1 : end], dtype=">u2" if wide else np.uint8))
            at = end
    return tables


def _table(steps: NDArray[np.integer[Any]]) -> Table:
    """Return a table that is stored in zigzag order as rows and columns."""
    if not steps.all():
        raise BadJpeg("a quantisation table holds a zero")
    table = np.empty(BLOCK * BLOCK, dtype=np.uint16)
    table[ZIGZAG] = steps
    return table.reshape(BLOCK, BLOCK)


def _colours(segments: Sequence[Segment], components: tuple[Component, ...]) -> ColourSpace:
    """Return the colour space by the rules of libjpeg's `default_decompress_parms`."""
    jfif = any(e.marker == APP0 and e.payload[:5] == b"JFIF\0" and len(e.payload) >= 14 for e in segments)
    adobe = [e.payload[11] for e in segments if e.marker == APP14 and e.payload[:5] == b"Adobe" and len(e.payload) > 11]
    match len(components):
        case 1:
            return ColourSpace.GREY
        case 3 if not jfif and adobe:
            return ColourSpace.YCC if adobe[-1] else ColourSpace.RGB
        case 3 if not jfif and bytes(each.identifier for each in components) == b"RGB":
            return ColourSpace.RGB
        case 3:
            return ColourSpace.YCC
        case 4:
            return ColourSpace.YCCK if adobe and adobe[-1] else ColourSpace.CMYK
        case _:
            raise BadJpeg("neither one, three nor four components")


def _all_bits_sent(scans: list[bytes], components: tuple[Component, ...]) -> bool:
    """Return whether the progressive scans contain every bit; decoders smooth blocks that are not known exactly."""
    pending = {each.identifier: np.full(64, -1) for each in components}
    for payload in scans:
        count = payload[0] if payload else 0
        if len(payload) < 4 + 2 * count:
            raise BadJpeg("a scan header is cut")
        first, last, low = payload[1 + 2 * count], payload[2 + 2 * count], payload[3 + 2 * count] & 15
        for identifier in payload[1 : 1 + 2 * count : 2]:
            if identifier in pending:
                pending[identifier][first : last + 1] = low
    return not any(bits.any() for bits in pending.values())
