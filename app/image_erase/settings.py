"""Every setting: its environment variable, its default and its meaning."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ByteSize,
    Field,
    FilePath,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from image_erase.folders import default_storage
from image_erase.processors import available_processors, default_workers
from image_erase.setting_types import (
    ApiKeys,
    Layout,
    Networks,
    PublicUrl,
    RateLimits,
    RateLimitUrl,
    RootPath,
    SigningKeys,
    StorageUrl,
    Strings,
    Workers,
)

PREFIX = "ERASE_"
# S3 and Google refuse longer ones.
PRESIGNED_SECONDS = 7 * 86400


class SettingsError(Exception):
    """A setting has a value that can't be used. The message is one line and names the variable."""


class _Group(BaseSettings):
    """A field NAME is read from the environment variable ERASE_NAME."""

    # Only Settings is ever read, so validators of the single groups would be built in vain.
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", defer_build=True)


class ListeningSettings(_Group):
    """Where the server listens, how many connections it keeps open, and how it stops."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on: `::` for IPv6 and IPv4, `unix:/path` for a Unix socket; the container image "
        "sets 0.0.0.0",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 chooses a free one")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Port on which `/metrics` is served, and nothing else of the API"
    )
    tls_certificate: FilePath | None = Field(
        None, description="File with the certificate chain, in PEM, to serve HTTPS on `ERASE_PORT`; unset, HTTP"
    )
    tls_key: FilePath | None = Field(None, description="File with the private key of the certificate, in PEM")
    connections: int = Field(
        512,
        ge=1,
        description="Maximum number of open connections; beyond it, the longest-idle connection is closed",
    )
    keepalive_seconds: float = Field(
        75, gt=0, description="Seconds that an idle connection is kept open for the next request"
    )
    stop_delay_seconds: float = Field(
        0,
        ge=0,
        description="How long `/readyz` answers 503 on shutdown before the server stops accepting requests, in seconds",
    )

    @model_validator(mode="after")
    def _tls_has_both_files(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("ERASE_TLS_CERTIFICATE, ERASE_TLS_KEY: must be set together")
        if self.tls_certificate and self.host.startswith("unix:"):
            raise ValueError("ERASE_TLS_CERTIFICATE: a Unix socket does not use TLS")
        return self


class HttpSettings(_Group):
    """What is accepted over HTTP, from whom, and how much memory that may take."""

    public_url: PublicUrl = Field(
        None, description="Scheme, host and path that result links begin with; unset, those of the client's request"
    )
    root_path: RootPath | None = Field(
        None,
        description="Path prefix under which a proxy publishes the server, and which it removes; unset, that of "
        "`ERASE_PUBLIC_URL`",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Addresses or networks whose `X-Forwarded-*` headers are trusted; `unix` for whoever uses the Unix "
        "socket, `*` for all",
    )
    cors_origins: Strings = Field(
        ("*",), description="Web origins that may call the API from a browser, separated by commas; `*` for all"
    )
    max_file_bytes: int | None = Field(
        None,
        ge=1,
        description="Largest file accepted, in bytes; unset, 3145728 for `image-erase` and 5242880 for the others",
    )
    large_file_bytes: Annotated[ByteSize, Field(ge=1)] = Field(
        ByteSize(64 << 20), description="Largest file that `/erase` accepts, in bytes, such as `64MiB`"
    )
    large_pixels: int = Field(
        64_000_000, ge=1, description="Largest image that `/erase` accepts, in pixels, width times height"
    )
    receive_seconds: float = Field(
        30,
        gt=0,
        description=(
            "Longest time for a request body to arrive, in seconds, plus one for every 64 KiB that have arrived; after "
            "that 408"
        ),
    )
    receive_memory_mb: int = Field(
        256,
        ge=1,
        description="Memory for request bodies that are arriving, in MiB; a request that does not fit gets 429",
    )
    answer_memory_mb: int = Field(
        256,
        ge=1,
        description="Memory for results not yet stored or sent, in MiB; a request that finds none left gets 429",
    )


class AccessSettings(_Group):
    """API keys, and how often each may call."""

    api_keys: ApiKeys = Field((), description="API keys, separated by commas")
    api_keys_file: Path | None = Field(
        None,
        description="File with one API key per line, read again when it changes; "
        "`KEY off` switches a key off, `#` starts a comment",
    )
    rate_limit: RateLimits = Field(
        None, description="Calls that each key may make, such as `60/minute` or `10/second;1000/day`; one more gets 429"
    )
    rate_limit_url: RateLimitUrl = Field(
        None,
        description="Redis or Valkey through which several servers share the rate limit, such as `redis://host:6379/0`",
    )
    credits: float = Field(
        1000000, ge=0, allow_inf_nan=False, description="Credits that a query returns; they are never used up"
    )


class JobSettings(_Group):
    """The workers, and the jobs that wait for them."""

    workers: Workers = Field(
        default_factory=lambda: default_workers(available_processors()),
        ge=1,
        description="Number of worker processes, at most 4 per usable processor; unset, one per processor",
    )
    worker_memory_mb: int = Field(
        1024, ge=384, description="Memory that a worker may use, in MiB; an image that needs more gets 503"
    )
    queue: int = Field(32, ge=0, description="Number of jobs that may wait for a worker; one more gets 429")
    deadline_seconds: float = Field(
        25, gt=0, description="Longest time for a job including waiting, in seconds; after that 504"
    )


class ImageSettings(_Group):
    """Which images are accepted, and how results are written."""

    max_side: int = Field(4096, ge=1, le=32767, description="Longest side accepted, in pixels")
    metadata: Literal["colour", "all"] = Field(
        "colour",
        description="Metadata that results keep: `colour` keeps what affects colours, `all` everything but previews",
    )
    jpeg_quality: int = Field(
        95, ge=1, le=100, description="JPEG quality, 1 to 100, of results that cannot use the quality of their source"
    )


class ErasureSettings(_Group):
    """How holes are filled."""

    engine: Literal["auto", "exemplar", "opencv", "onnx"] = Field(
        "auto",
        description="What fills the hole: `exemplar` copies patches, `opencv` diffuses, `onnx` runs a neural network, "
        "`auto` diffuses thin parts on smooth ground and copies patches elsewhere",
    )
    working_side: int = Field(
        768, ge=128, le=4096, description="Longest side in pixels at which patches are compared; larger is slower"
    )
    mask_dilate: int = Field(
        0, ge=0, le=500, description="Pixels by which every mask is grown, unless the request asks for more"
    )
    layout: Layout = Field(
        "auto",
        description="Network that predicts the rough structure of thick holes for `auto`: `auto` is the built-in one, "
        "`off` is none, anything else is the path of a network of the same form",
    )
    onnx_model: FilePath | None = Field(None, description="Path of your own network's file, for `auto` and `onnx`")
    onnx_use: Literal["layout", "fill"] = Field(
        "layout",
        description="What your network's output is used for: `layout` guides the copied patches, `fill` is the result "
        "of the engine `onnx`",
    )
    onnx_channels: Literal["auto", "rgb", "bgr"] = Field(
        "auto", description="Channel order of the network: `rgb` or `bgr`; `auto` is `rgb`"
    )
    onnx_mask: Literal["auto", "erase=1", "erase=0"] = Field(
        "auto", description="Mask value that means erase: `erase=1` or `erase=0`; `auto` detects it"
    )
    onnx_output: Literal["auto", "0-1", "0-255"] = Field(
        "auto", description="Range of the network's output: `0-1` or `0-255`; `auto` detects it"
    )

    @model_validator(mode="after")
    def _engine_has_its_model(self) -> Self:
        if self.engine == "onnx" and self.onnx_model is None:
            raise ValueError("ERASE_ONNX_MODEL: must name the network's file when ERASE_ENGINE is onnx")
        return self

    @model_validator(mode="after")
    def _network_has_one_use(self) -> Self:
        if self.onnx_use == "fill" and self.engine != "onnx":
            raise ValueError("ERASE_ONNX_USE: fill needs ERASE_ENGINE=onnx")
        if self.onnx_model and self.onnx_use == "layout" and self.layout != "auto":
            raise ValueError("ERASE_LAYOUT: must be auto when the network of ERASE_ONNX_MODEL is used for layouts")
        return self


class ResultSettings(_Group):
    """Where results are kept, for how long, and how links to them are made."""

    storage_url: StorageUrl = Field(
        default_factory=lambda: default_storage(Path.cwd()),
        description="Where results are kept: a folder (`file:`) or a bucket (`s3://`, `gs://` or `az://`); unset, "
        "`storage` in the working directory where there is such a folder, else the user's data folder",
    )
    storage_bytes: Annotated[ByteSize | None, Field(ge=1)] = Field(
        None,
        description="Bytes that all results together may take, such as `10GiB`; a result that does not fit gets 503",
    )
    result_ttl_seconds: int = Field(86400, ge=1, description="How long a result link is valid, in seconds")
    sweep_interval_seconds: float = Field(
        60, gt=0, description="Pause between deletions of expired results, in seconds"
    )
    result_links: Literal["own", "presigned"] = Field(
        "own", description="Result links: `own` for links to this server, `presigned` for the bucket's signed URLs"
    )
    signing_keys: SigningKeys = Field(
        (),
        description="Secrets that sign result links: the first signs, all verify; unset, one is created in the storage",
    )

    @model_validator(mode="after")
    def _presigned_links_are_possible(self) -> Self:
        if self.result_links == "presigned" and self.storage_url.startswith("file:"):
            raise ValueError("ERASE_RESULT_LINKS: only a bucket has presigned links; see ERASE_STORAGE_URL")
        if self.result_links == "presigned" and self.result_ttl_seconds > PRESIGNED_SECONDS:
            raise ValueError(f"ERASE_RESULT_TTL_SECONDS: must be at most {PRESIGNED_SECONDS} for presigned links")
        return self


class OperationSettings(_Group):
    """What the server shows to its operators, and the page."""

    log_format: Literal["console", "json"] = Field("console", description="Format of log lines: `console` or `json`")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="Minimum level of log lines: `debug` also logs health checks and scrapes, `info` every "
        "other request, `warning` and `error` only problems",
    )
    metrics: bool = Field(False, description="Whether `/metrics` serves metrics for Prometheus")
    otel: bool = Field(
        False,
        description="Whether traces and metrics are exported by OpenTelemetry; needs the extra `otel`, and the "
        "variables `OTEL_*` of its SDK say where to",
    )
    page: bool = Field(True, description="Whether the web page is served at `/`")
    page_sessions: bool = Field(
        True,
        description="Whether the web page may keep picture, strokes and results in the browser, so that a reload loses "
        "nothing; `false` also deletes what it has kept",
    )


class Settings(
    OperationSettings,
    ResultSettings,
    ErasureSettings,
    ImageSettings,
    JobSettings,
    AccessSettings,
    HttpSettings,
    ListeningSettings,
):
    """All that an operator can set. Each part of the server takes the group that it needs."""


#: In the order of the documentation; Pydantic lists the fields of the last base first.
GROUPS: tuple[type[BaseSettings], ...] = Settings.__bases__[::-1]


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    overrides: field values that win over the environment; None means not given.
    Raises SettingsError with one line that names the first wrong variable.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        # The message of a check of several settings names the wrong one itself.
        name = f"{PREFIX}{str(first['loc'][0]).upper()}: " if first["loc"] else ""
        raise SettingsError(name + message) from None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """One warning for each ERASE_ variable that no setting has, with the name that was probably meant."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    warnings = []
    for name in sorted(set(environment) - known):
        if name.startswith(PREFIX):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"{name} is not a setting{hint}")
    return warnings
