"""The options of the plain API: query parameters or fields of the form."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from image_erase.jobs.request import Effort, JobRequest, Metadata
from image_erase.plain.problems import Kind, Problem

#: The formats that images and masks may have.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "AVIF", "HEIC")
# The largest integer that JSON numbers hold exactly in every language.
_MOST_SEED = 2**53 - 1
# The longest side that OpenCV's filters take.
MAX_SIDE = 32767


class Choices(BaseModel, ABC):
    """The options of a request. An empty value counts as not sent."""

    @abstractmethod
    def job_request(self, max_pixels: int) -> JobRequest:
        """Return the options of the job."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value not in ("", None)}

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> Self:
        """Return options as a form gives them. Raises Problem for the first that is invalid."""
        try:
            return cls.model_validate(texts)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = str(first["loc"][0])
            raise Problem(Kind.INVALID_OPTION, f"{name}: {first['msg']}.", name) from None

    def merged(self, texts: Mapping[str, bytes]) -> Self:
        """Return these options, from the query, with those of the form. Raises Problem."""
        form = self.read({name: text.decode("utf-8", "replace").strip() for name, text in texts.items()})
        if twice := self.model_fields_set & form.model_fields_set:
            name = min(twice)
            raise Problem(Kind.INVALID_OPTION, f"{name}: Must be given once, in the query or in the form.", name)
        return self.model_copy(update=form.model_dump(exclude_unset=True))


class Options(Choices):
    """The options of a request to erase."""

    effort: Effort = Field("normal", description="Trade-off between time and quality")
    dilate: int = Field(0, ge=0, le=MAX_SIDE, description="Pixels by which the masked area is grown")
    seed: int = Field(0, ge=0, le=_MOST_SEED, description="The same seed gives the same result")
    format: Literal["same", "jpeg", "png", "webp"] = Field(
        "same", description="Format of the result; `same` is that of the image"
    )
    quality: int | None = Field(
        None,
        ge=1,
        le=100,
        description="Quality of a JPEG or WebP; without it, a JPEG is changed in the masked area only and a WebP is "
        "lossless if the image is",
    )
    metadata: Metadata | None = Field(
        None, description="Metadata that the result keeps: what affects colours, or all; unset, the server's setting"
    )
    keep: bool = Field(False, description="Whether the result is stored too; its link is in the header `Location`")
    answer: Literal["whole", "part"] = Field(
        "whole",
        description="`part`, only with `keep`: the answer is the part that has changed, if that is much smaller; the "
        "header `X-Erase-Part` says where it belongs",
    )

    def merged(self, texts: Mapping[str, bytes]) -> Self:
        """Return these options, from the query, with those of the form. Raises Problem."""
        options = super().merged(texts)
        if options.answer == "part" and not options.keep:
            raise Problem(Kind.INVALID_OPTION, "answer: A part needs keep=true, which stores the whole.", "answer")
        return options

    def job_request(self, max_pixels: int) -> JobRequest:
        """Return the options of the job."""
        return JobRequest(
            effort=self.effort,
            dilate=self.dilate,
            seed=self.seed,
            formats=FORMATS,
            max_side=MAX_SIDE,
            max_pixels=max_pixels,
            output=self.format,
            quality=self.quality,
            metadata=self.metadata,
            part=self.answer == "part",
        )


class SelectOptions(Choices):
    """The options of a request to select."""

    grow: int = Field(0, ge=0, le=MAX_SIDE, description="Pixels by which the mask of the object is grown")

    def job_request(self, max_pixels: int) -> JobRequest:
        """Return the options of the job."""
        return JobRequest(
            task="select", dilate=self.grow, formats=FORMATS, max_side=MAX_SIDE, max_pixels=max_pixels, output="png"
        )


def image_check(max_pixels: int) -> JobRequest:
    """Return the options of a job that checks whether an image would be accepted. max_pixels: of it."""
    return JobRequest(task="check", formats=FORMATS, max_side=MAX_SIDE, max_pixels=max_pixels)
