"""Types of settings: how their text is read, and which values they accept."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    FilePath,
    SecretStr,
    ValidationInfo,
)
from pydantic_settings import NoDecode

from image_erase.access.key_file import is_key
from image_erase.processors import available_processors, most_workers
from image_erase.results.urls import is_storage_url

# Characters: 128 bits where they are hexadecimal digits.
LEAST_SIGNING_KEY = 32


def _split(value: Any) -> Any:
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def _network(value: str) -> str:
    if value not in ("*", "unix"):
        ipaddress.ip_network(value, strict=False)
    return value


def _public_url(value: str | None) -> str | None:
    if not value:
        return None
    if not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", value):
        raise ValueError("must be an http or https URL without query, such as https://erase.example.com")
    return value.rstrip("/")


def _root_path(value: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", value):
        raise ValueError("must be a path such as /erase")
    return value.rstrip("/")


def _storage_url(value: str) -> str:
    if not is_storage_url(value):
        raise ValueError("must be a URL such as file:storage, file:///storage, s3://bucket/prefix, gs://… or az://…")
    return value


def _signing_keys(value: Any) -> Any:
    keys = _split(value)
    if value and not keys:
        raise ValueError("must contain a key")
    return keys


def _long_enough(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(key.get_secret_value()) < LEAST_SIGNING_KEY for key in keys):
        raise ValueError(f"every key must have at least {LEAST_SIGNING_KEY} characters (openssl rand -hex 32)")
    return keys


def _sendable(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not all(is_key(key.get_secret_value()) for key in keys):
        raise ValueError("every key must be printable ASCII without spaces")
    return keys


def _rate_limit(value: str | None) -> str | None:
    if not value:
        return None
    from limits import parse_many  # noqa: PLC0415, not needed by commands and without a limit

    try:
        rates = parse_many(value)
    except ValueError:
        rates = []
    if not rates or any(rate.amount < 1 for rate in rates):
        raise ValueError("must have the form 60/minute or 10/second;1000/day")
    return value


def _workers(value: int) -> int:
    processors = available_processors()
    if value > most_workers(processors):
        raise ValueError(f"must be at most {most_workers(processors)}, 4 for each of {processors:g} usable processors")
    return value


def _layout(value: Any) -> Any:
    return value if value in ("auto", "off") else Path(value)


_REDIS_URL = re.compile(
    r"((redis|valkey)s?://([^@/?#\s]*@)?(\[[\da-fA-F:.]+\]|[^@:/?#\[\]\s]+)(:\d+)?(/\d*)?"
    r"|unix://([^@/?#\s]*@)?/[^?#\s]+)(\?[^#\s]*)?"
)


def _rate_limit_url(value: SecretStr | None, settings: ValidationInfo) -> SecretStr | None:
    if not value or not value.get_secret_value():
        return None
    if not _REDIS_URL.fullmatch(value.get_secret_value()):
        raise ValueError("must be a URL such as redis://:password@host:6379/0, rediss://, valkey:// or unix:///path")
    if not settings.data.get("rate_limit"):
        raise ValueError("needs ERASE_RATE_LIMIT, the limits that are to be shared")
    return value


Strings = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
ApiKeys = Annotated[Secrets, AfterValidator(_sendable)]
SigningKeys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_signing_keys), AfterValidator(_long_enough)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_split)]
RootPath = Annotated[str, AfterValidator(_root_path)]
PublicUrl = Annotated[str | None, AfterValidator(_public_url)]
StorageUrl = Annotated[str, AfterValidator(_storage_url)]
RateLimits = Annotated[str | None, AfterValidator(_rate_limit)]
RateLimitUrl = Annotated[SecretStr | None, AfterValidator(_rate_limit_url)]
Workers = Annotated[int, AfterValidator(_workers)]
Layout = Annotated[Literal["auto", "off"] | FilePath, BeforeValidator(_layout)]
