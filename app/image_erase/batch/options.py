"""The command line of `image-erase erase`. The server's process loads this too, so the rest comes when it is needed."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from image_erase.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from image_erase.batch.command import MakeEraser

# How many pictures a server is sent at a time, which may have one processor or many.
REMOTE_JOBS = 4


def _base_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    if url is not None and not (re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", url) and _has_good_port(url)):
        raise click.BadParameter("must be an http or https URL without query, such as https://erase.example.com")
    return url


def _has_good_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0 and bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _header_value(_: click.Context, __: click.Parameter, key: str | None) -> str | None:
    key = key.strip() if key else None
    if key and not (key.isascii() and key.isprintable()):
        raise click.BadParameter("has characters that no key has")
    return key


# A file, a folder, or - for standard input.
_INPUT = click.Path(path_type=Path, exists=True, allow_dash=True)


@click.command(
    epilog="""\b
Exit codes:
  0    all is well: erased, or skipped by --resume
  1    at least one picture failed, or the run was given up
  2    not begun: wrong usage or settings, or outputs that are in the way
  130  interrupted"""
)
@click.argument("source", type=_INPUT)
@click.argument("mask", type=_INPUT, required=False)
@click.option("--mask", "mask_option", metavar="MASK", type=_INPUT, help="MASK, said otherwise.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="File or folder to write; - is stdout."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Pictures at a time (ERASE_WORKERS; with --url 4).")
@click.option("--recursive", is_flag=True, help="Subfolders as well.")
@click.option("--resume", is_flag=True, help="Skip the pictures whose output exists.")
@click.option("--force", is_flag=True, help="Overwrite outputs that exist.")
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
@click.option("--report", type=click.Path(path_type=Path), help="File to write totals and failures to, as JSON.")
@click.option("--quiet", is_flag=True, help="No progress and no summary; failures are still named.")
@click.option("--engine", help="What fills the hole (ERASE_ENGINE).")
@click.option("--url", callback=_base_url, help="Let the server at this URL do it, this project's or the vendor's.")
@click.option(
    "--key",
    envvar="IMAGE_ERASE_KEY",
    callback=_header_value,
    help="Its API key. Other users of this machine can see it here; set IMAGE_ERASE_KEY instead.",
)
@click.option("--retries", type=click.IntRange(min=0), default=5, show_default=True, help="Tries again on 429 and 5xx.")
def erase(
    *,
    source: Path,
    mask: Path | None,
    mask_option: Path | None,
    out: Path,
    jobs: int | None,
    resume: bool,
    force: bool,
    url: str | None,
    key: str | None,
    retries: int,
    engine: str | None,
    **options: Any,
) -> None:
    """Erase from the picture SOURCE, or all pictures of the folder SOURCE, what MASK paints white.

    MASK is one mask for all pictures, or a folder with one for each: of the same name, of the same name up to the
    suffix, or of that with _mask or -mask behind it. A SOURCE or MASK of - is standard input.

    This machine does the work, with the settings of the server (ERASE_ variables), or a server, with --url.
    """
    from image_erase.batch import command  # noqa: PLC0415
    from image_erase.batch.failures import PlanError  # noqa: PLC0415
    from image_erase.batch.plan import Existing  # noqa: PLC0415
    from image_erase.batch.progress import shown  # noqa: PLC0415

    masks = _one_mask(mask, mask_option)
    if resume and force:
        raise click.UsageError("--resume and --force exclude each other.")
    existing = Existing.SKIP if resume else Existing.OVERWRITE if force else Existing.REFUSE
    try:
        default_jobs, make_eraser = _remote(url, key, retries, engine) if url else _local(engine, key)
        order = command.Order(source, masks, out, jobs or default_jobs, existing=existing, **options)
        sys.exit(command.erase(order, make_eraser))
    except (SettingsError, PlanError) as error:
        click.echo(f"image-erase: {shown(error)}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _one_mask(argument: Path | None, option: Path | None) -> Path:
    if (argument is None) == (option is None):
        raise click.UsageError("MASK must be given once, as an argument or with --mask.")
    mask = argument or option
    assert mask
    return mask


def _local(engine: str | None, key: str | None) -> tuple[int, "MakeEraser"]:
    """How many pictures at a time, and what erases them on this machine. Raises SettingsError."""
    from image_erase.batch.local import LocalEraser  # noqa: PLC0415
    from image_erase.server import job_options  # noqa: PLC0415

    if key and click.get_current_context().get_parameter_source("key") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--key is for a server, and needs --url.")
    settings = load_settings(engine=engine)
    options, seconds = job_options(settings), settings.deadline_seconds
    return settings.workers, lambda jobs: LocalEraser(options, workers=jobs, deadline_seconds=seconds)


def _remote(url: str, key: str | None, retries: int, engine: str | None) -> tuple[int, "MakeEraser"]:
    """How many pictures at a time, and the server that erases them."""
    from image_erase.batch.remote import RemoteEraser  # noqa: PLC0415
    from image_erase.batch.retries import Retries  # noqa: PLC0415

    if not key:
        raise click.UsageError("--url needs a key: IMAGE_ERASE_KEY or --key.")
    if engine:
        raise click.UsageError("--engine is for this machine; with --url the server chooses.")
    return REMOTE_JOBS, lambda jobs: RemoteEraser(url, key, connections=jobs, retries=Retries(retries))
