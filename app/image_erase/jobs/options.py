"""The options of all jobs of a worker. This module loads no image library, because the server creates them."""

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from image_erase.jobs.request import Metadata

Engine = Literal["auto", "exemplar", "opencv", "onnx"]


@dataclass(frozen=True)
class Network:
    """The operator's network and its settings.

    model: its path, None if there is none. use: whether its answer serves as a layout that patches follow, or as the
    fill.
    """

    model: str | None = None
    use: Literal["layout", "fill"] = "layout"
    channels: Literal["auto", "rgb", "bgr"] = "auto"
    mask: Literal["auto", "erase=1", "erase=0"] = "auto"
    output: Literal["auto", "0-1", "0-255"] = "auto"


@dataclass(frozen=True)
class JobOptions:
    """Options of all jobs of a worker. Sides and mask_dilate in pixels, quality 1 to 100, memory in MiB.

    layout: the file of the layout network, `auto` for the packaged one, `off` for none.
    """

    max_side: int = 4096
    jpeg_quality: int = 95
    engine: Engine = "auto"
    working_side: int = 768
    mask_dilate: int = 0
    metadata: Metadata = "colour"
    memory_mb: int | None = None
    layout: str = "auto"
    network: Network = field(default_factory=Network)

    def to_json(self) -> str:
        """Return the options as JSON, for the command line of a worker."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "JobOptions":
        """Return the options from JSON."""
        fields = json.loads(text)
        return cls(**{**fields, "network": Network(**fields.get("network", {}))})
