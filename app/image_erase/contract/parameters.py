"""The text fields of an endpoint: what each may say, and what it means for the job."""

import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from image_erase.contract.errors import ApiError, Code
from image_erase.http.upload import MAX_TEXT_BYTES

_WHOLE = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_DRAWN_SEEDS = 2**31


@dataclass(frozen=True, kw_only=True)
class Parameter(ABC):
    """One optional text field.

    sets: the field of JobRequest that its value becomes; None where an engine without a network has no use for it: it
    is checked all the same, so that a request is good or bad as it is with the vendor. meaning: for the documents.
    """

    name: str
    meaning: str
    sets: str | None = None

    @property
    @abstractmethod
    def range(self) -> str:
        """What the value may be, as a message says it behind "Must be"."""

    @property
    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """What the value may be, as a JSON schema, with its default."""

    @abstractmethod
    def parsed(self, text: str) -> Any:
        """The value for the job that a text stands for; None where it may not be. An empty text is the default."""

    def checked(self, text: bytes) -> Any:
        """The value for the job. Raises ApiError UNSUPPORTED_PARAMETER_VALUES that names field and range."""
        value = self.parsed(text.decode("utf-8", "replace").strip()) if len(text) <= MAX_TEXT_BYTES else None
        if value is None:
            raise ApiError(Code.UNSUPPORTED_PARAMETER_VALUES, f"{self.name}: Must be {self.range}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Whole(Parameter):
    """A whole number from `least` up. Written 7.0 it is 7 still: some languages have no other way to print theirs."""

    least: int
    default: int

    @property
    def range(self) -> str:
        """As Parameter.range."""
        return f"a whole number, {self.least} or more"

    @property
    def schema(self) -> dict[str, Any]:
        """As Parameter.schema."""
        return {"type": "integer", "minimum": self.least, "default": self.default}

    def parsed(self, text: str) -> int | None:
        """As Parameter.parsed."""
        match = _WHOLE.fullmatch(text or str(self.default))
        value = int(match[1]) if match else None
        return value if value is not None and value >= self.least else None


@dataclass(frozen=True, kw_only=True)
class Seed(Whole):
    """A seed; -1 draws one."""

    least: int = -1
    default: int = 0

    def parsed(self, text: str) -> int | None:
        """As Parameter.parsed."""
        value = super().parsed(text)
        return secrets.randbelow(_DRAWN_SEEDS) if value == -1 else value


@dataclass(frozen=True, kw_only=True)
class Real(Parameter):
    """A number from `least` to `most`, both included."""

    least: float
    most: float
    default: float

    @property
    def range(self) -> str:
        """As Parameter.range."""
        return f"a number from {self.least:g} to {self.most:g}"

    @property
    def schema(self) -> dict[str, Any]:
        """As Parameter.schema."""
        return {"type": "number", "minimum": self.least, "maximum": self.most, "default": self.default}

    def parsed(self, text: str) -> float | None:
        """As Parameter.parsed."""
        text = text or str(self.default)
        value = float(text) if _REAL.fullmatch(text) else None
        return value if value is not None and self.least <= value <= self.most else None


@dataclass(frozen=True, kw_only=True)
class Choice(Parameter):
    """One of a few words. choices: each word -> what it means for the job."""

    choices: Mapping[str, Any] = field(default_factory=dict)
    default: str

    @property
    def range(self) -> str:
        """As Parameter.range."""
        return "one of " + ", ".join(self.choices)

    @property
    def schema(self) -> dict[str, Any]:
        """As Parameter.schema."""
        return {"type": "string", "enum": list(self.choices), "default": self.default}

    def parsed(self, text: str) -> Any:
        """As Parameter.parsed."""
        return self.choices.get(text or self.default)


def job_fields(parameters: Sequence[Parameter], texts: Mapping[str, bytes]) -> dict[str, Any]:
    """Check all parameters, given or not. Returns the fields of JobRequest that they set. Raises ApiError."""
    values = [(parameter.sets, parameter.checked(texts.get(parameter.name, b""))) for parameter in parameters]
    return {name: value for name, value in values if name}
