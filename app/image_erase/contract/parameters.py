"""The text fields of an endpoint: their valid values, and their meaning for the job."""

import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from image_erase.contract.errors import ApiError, Code
from image_erase.http.multipart import MAX_TEXT_BYTES

_WHOLE = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_DRAWN_SEEDS = 2**31


@dataclass(frozen=True, kw_only=True)
class Parameter(ABC):
    """One optional text field.

    sets: the field of JobRequest that gets the value; None if the parameter has no effect. Such parameters are
    validated too, so that a request is valid or invalid as with the vendor. meaning: for the OpenAPI document.
    """

    name: str
    meaning: str
    sets: str | None = None

    @property
    @abstractmethod
    def range(self) -> str:
        """The valid values in words, as they follow "Must be" in a message."""

    @property
    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The valid values as a JSON schema, with the default."""

    @abstractmethod
    def parsed(self, text: str) -> Any:
        """Return the value for the job, None if the text is invalid. An empty text means the default."""

    def checked(self, text: bytes) -> Any:
        """Return the value for the job. Raises ApiError UNSUPPORTED_PARAMETER_VALUES with field and range."""
        value = self.parsed(text.decode("utf-8", "replace").strip()) if len(text) <= MAX_TEXT_BYTES else None
        if value is None:
            raise ApiError(Code.UNSUPPORTED_PARAMETER_VALUES, f"{self.name}: Must be {self.range}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Whole(Parameter):
    """An integer, `least` or more. 7.0 is accepted as 7, because some languages print integers like that."""

    least: int
    default: int

    @property
    def range(self) -> str:
        """See Parameter.range."""
        return f"a whole number, {self.least} or more"

    @property
    def schema(self) -> dict[str, Any]:
        """See Parameter.schema."""
        return {"type": "integer", "minimum": self.least, "default": self.default}

    def parsed(self, text: str) -> int | None:
        """See Parameter.parsed."""
        match = _WHOLE.fullmatch(text or str(self.default))
        value = int(match[1]) if match else None
        return value if value is not None and value >= self.least else None


@dataclass(frozen=True, kw_only=True)
class Seed(Whole):
    """A seed; -1 chooses a random one."""

    least: int = -1
    default: int = 0

    def parsed(self, text: str) -> int | None:
        """See Parameter.parsed."""
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
        """See Parameter.range."""
        return f"a number from {self.least:g} to {self.most:g}"

    @property
    def schema(self) -> dict[str, Any]:
        """See Parameter.schema."""
        return {"type": "number", "minimum": self.least, "maximum": self.most, "default": self.default}

    def parsed(self, text: str) -> float | None:
        """See Parameter.parsed."""
        text = text or str(self.default)
        value = float(text) if _REAL.fullmatch(text) else None
        return value if value is not None and self.least <= value <= self.most else None


@dataclass(frozen=True, kw_only=True)
class Choice(Parameter):
    """One of a few words. choices: each word and its value for the job."""

    choices: Mapping[str, Any] = field(default_factory=dict)
    default: str

    @property
    def range(self) -> str:
        """See Parameter.range."""
        return "one of " + ", ".join(self.choices)

    @property
    def schema(self) -> dict[str, Any]:
        """See Parameter.schema."""
        return {"type": "string", "enum": list(self.choices), "default": self.default}

    def parsed(self, text: str) -> Any:
        """See Parameter.parsed."""
        return self.choices.get(text or self.default)


def job_fields(parameters: Sequence[Parameter], texts: Mapping[str, bytes]) -> dict[str, Any]:
    """Validate all parameters, sent or not. Returns the fields of JobRequest that they set. Raises ApiError."""
    values = [(parameter.sets, parameter.checked(texts.get(parameter.name, b""))) for parameter in parameters]
    return {name: value for name, value in values if name}
