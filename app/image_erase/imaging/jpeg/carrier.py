"""An all-grey JPEG with the header of another, as a container for new coefficients."""

from image_erase.imaging.jpeg.frame import ZIGZAG, ColourSpace, Frame
from image_erase.imaging.jpeg.markers import APP14, DQT, DRI, SOS, segment

_DHT, _EXTENDED = 0xC4, 0xC1
# One code of one bit, for the one symbol 0: no difference for a DC, end of block for an AC.
_ONE_CODE = bytes((1, *([0] * 15), 0))
_TRANSFORM = {ColourSpace.RGB: 0, ColourSpace.CMYK: 0, ColourSpace.YCC: 1, ColourSpace.YCCK: 2}
_BITS_PER_BLOCK = 2


def blank(frame: Frame) -> bytes:
    """Return a sequential JPEG with the size, components, tables and colour space of `frame`, all blocks zero."""
    components = b"".join(bytes((e.identifier, e.across << 4 | e.down, e.table)) for e in frame.components)
    size = frame.height.to_bytes(2) + frame.width.to_bytes(2)
    scan = b"".join(bytes((e.identifier, 0)) for e in frame.components)
    count = bytes((len(frame.components),))
    parts = [
        segment(DQT, bytes((16 + slot,)) + table.reshape(64)[ZIGZAG].astype(">u2").tobytes())
        for slot, table in frame.tables.items()
    ]
    parts += [
        segment(_EXTENDED, b"\x08" + size + count + components),
        segment(_DHT, b"\x00" + _ONE_CODE + b"\x10" + _ONE_CODE),
        segment(DRI, b"\x00\x00"),
        segment(SOS, count + scan + b"\x00\x3f\x00"),
    ]
    if frame.colours in _TRANSFORM:
        parts.insert(0, segment(APP14, b"Adobe\x00\x64\x00\x00\x00\x00" + bytes((_TRANSFORM[frame.colours],))))
    zeros = bytes(-(-_blocks(frame) * _BITS_PER_BLOCK // 8))
    return b"\xff\xd8" + b"".join(part.raw for part in parts) + zeros + b"\xff\xd9"


def _blocks(frame: Frame) -> int:
    """Return the number of blocks of the only scan; with one component, no MCU extends beyond the picture."""
    across, down = (1, 1) if len(frame.components) == 1 else (frame.most_across, frame.most_down)
    units = -(-frame.width // (8 * across)) * -(-frame.height // (8 * down))
    return units * (1 if len(frame.components) == 1 else sum(e.across * e.down for e in frame.components))
