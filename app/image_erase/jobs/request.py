"""What one job is asked for, as it travels in the head of its frame. No image library is loaded to say it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Effort = Literal["fast", "normal", "best"]

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")

# All that a worker may say of a job it has done.
FACTS = frozenset(
    {"decode_ms", "erase_ms", "encode_ms", "engine", "width", "height", "hole", "effort", "seed", "anew_because"}
)


@dataclass(frozen=True)
class JobRequest:
    """effort: how much time the filling may take for how good a result.

    dilate: pixels by which the hole is grown. seed: of all that is drawn by lot, 0 or more. formats: of the files
    taken, out of FORMATS. min_side: the fewest pixels that a side of the image may have.
    """

    effort: Effort = "normal"
    dilate: int = 0
    seed: int = 0
    formats: tuple[str, ...] = FORMATS
    min_side: int = 1

    def head(self) -> dict[str, Any]:
        """The request as JSON can say it."""
        return asdict(self)

    @classmethod
    def from_head(cls, head: Mapping[str, Any]) -> "JobRequest":
        """What the head of a frame asks for; what it does not name is the default, what is not ours is left alone."""
        named = {field.name: head[field.name] for field in fields(cls) if field.name in head}
        return cls(**(named | ({"formats": tuple(named["formats"])} if "formats" in named else {})))
