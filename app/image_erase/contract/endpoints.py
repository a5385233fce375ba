"""The vendor's endpoints that erase; one entry defines everything in which an endpoint differs from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from image_erase.contract.parameters import Choice, Parameter, Real, Seed, Whole, job_fields
from image_erase.http.files import FileField
from image_erase.jobs.request import FORMATS, Effort, JobRequest

#: The header in which clients send their key.
HEADER = "ailabapi-api-key"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of the vendor.

    mask: its field name first, then other names that clients use. max_file_bytes: limit for each file, unless the
    operator set one. formats: of both files, out of FORMATS. min_side: of the image, in pixels. effort: of the engine,
    unless a parameter sets it. answer: a link to the result, or the result itself as an array of one base64 string.
    """

    path: str
    summary: str
    mask: FileField
    image: FileField = FileField(("image",))
    max_file_bytes: int = 5 * MEBIBYTE
    formats: tuple[str, ...] = FORMATS
    min_side: int = 1
    parameters: Sequence[Parameter] = ()
    effort: Effort = "normal"
    answer: Literal["link", "base64"] = "link"

    @property
    def files(self) -> tuple[FileField, FileField]:
        """The file fields."""
        return self.image, self.mask

    @property
    def texts(self) -> tuple[str, ...]:
        """The text fields."""
        return tuple(parameter.name for parameter in self.parameters)

    def job_request(self, texts: Mapping[str, bytes]) -> JobRequest:
        """Return the options of a job. texts: the text fields of the request. Raises ApiError if one is invalid."""
        own = {"effort": self.effort, "formats": self.formats, "min_side": self.min_side}
        return JobRequest(**(own | job_fields(self.parameters, texts)))


_MASK = FileField(("mask", "mask_image", "user_mask"))

IMAGE_ERASE = Endpoint(
    "/api/image/editing/image-erase",
    "Erase what is white in a mask from an image",
    FileField(("user_mask", "mask_image", "mask")),
    max_file_bytes=3 * MEBIBYTE,
)
REMOVE_OBJECTS = Endpoint("/api/image/editing/remove-objects", "Erase; the newer name of image-erase", _MASK)
REMOVE_OBJECTS_PRO = Endpoint(
    "/api/image/editing/remove-objects-pro", "Erase with the best quality", _MASK, effort="best"
)
REMOVE_OBJECTS_ADVANCED = Endpoint(
    "/api/image/editing/remove-objects-advanced",
    "Erase with parameters; the answer contains the image",
    _MASK,
    formats=("JPEG", "PNG"),
    min_side=65,
    parameters=(
        Whole(name="steps", least=1, default=30, meaning="No effect: sampling steps of a diffusion network"),
        Real(
            name="strength",
            least=0.1,
            most=1,
            default=0.8,
            meaning="No effect: how much a diffusion network may change",
        ),
        Real(
            name="scale",
            least=1,
            most=20,
            default=7,
            meaning="No effect: how closely a diffusion network follows its prompt",
        ),
        Seed(name="seed", sets="seed", meaning="The same seed gives the same result; -1 chooses a random seed"),
        Whole(
            name="dilate_size",
            least=1,
            default=15,
            sets="dilate",
            meaning="Radius in pixels of the round brush that grows the masked area",
        ),
        Choice(
            name="quality",
            choices={"H": "best", "M": "normal", "L": "fast"},
            default="M",
            sets="effort",
            meaning="H: best, slowest; M: balanced; L: fastest",
        ),
    ),
    answer="base64",
)

ENDPOINTS = (IMAGE_ERASE, REMOVE_OBJECTS, REMOVE_OBJECTS_PRO, REMOVE_OBJECTS_ADVANCED)
