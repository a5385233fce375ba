"""Options of `image-erase erase`. The server imports this module too, so everything else is imported late."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from image_erase.batch.shards import WHOLE, Shard
from image_erase.batch.stores.urls import StoreUrl

if TYPE_CHECKING:
    from image_erase.batch.command import MakeEraser

# Parallel images with --url; the server may have one processor or many.
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
        raise click.BadParameter("must be printable ASCII")
    return key


class _Place(click.Path):
    """A file, a folder, - for standard input or output, or the URL of a store."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a StoreUrl or a Path."""
        try:
            url = StoreUrl.of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return url or super().convert(value, param, ctx)


_INPUT = _Place(path_type=Path, exists=True, allow_dash=True)


def _shard(_: click.Context, __: click.Parameter, text: str | None) -> Shard:
    try:
        return Shard.parse(text, os.environ) if text else WHOLE
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(
    epilog="""\b
Exit codes:
  0    success: every image was erased, or skipped by --resume
  1    at least one image failed, or the run was stopped early
  2    not started: wrong usage or settings, or outputs that exist
  130  interrupted"""
)
@click.argument("source", type=_INPUT)
@click.argument("mask", type=_INPUT, required=False)
@click.option("--mask", "mask_option", metavar="MASK", type=_INPUT, help="The same as the argument MASK.")
@click.option(
    "-o", "--out", type=_Place(path_type=Path), required=True, help="File, folder or URL to write to; - is stdout."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Images processed in parallel (ERASE_WORKERS; with --url 4).")
@click.option("--recursive", is_flag=True, help="Include subfolders.")
@click.option(
    "--shard", metavar="I/N", callback=_shard, help="Only part I of N; N alone takes I from JOB_COMPLETION_INDEX."
)
@click.option("--resume", is_flag=True, help="Skip images whose output exists.")
@click.option("--force", is_flag=True, help="Overwrite existing outputs.")
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
@click.option("--report", type=click.Path(path_type=Path), help="Write totals and failures to this file, as JSON.")
@click.option("--quiet", is_flag=True, help="Show no progress and no summary, only failures.")
@click.option("--engine", help="What fills the hole (ERASE_ENGINE).")
@click.option("--url", callback=_base_url, help="Use the server at this URL, one of this project or the vendor's.")
@click.option(
    "--key",
    envvar="IMAGE_ERASE_KEY",
    callback=_header_value,
    help="API key for --url. Other users of this machine can see it; set IMAGE_ERASE_KEY instead.",
)
@click.option("--retries", type=click.IntRange(min=0), default=5, show_default=True, help="Retries after 429 and 5xx.")
def erase(
    *,
    source: Path | StoreUrl,
    mask: Path | StoreUrl | None,
    mask_option: Path | StoreUrl | None,
    out: Path | StoreUrl,
    jobs: int | None,
    resume: bool,
    force: bool,
    url: str | None,
    key: str | None,
    retries: int,
    engine: str | None,
    **options: Any,
) -> None:
    """Erase what is white in MASK from the image SOURCE, or from all images in the folder SOURCE.

    MASK is one mask for all images, or a folder with one mask per image. For cat.jpg, the mask is cat.jpg, else cat
    with any suffix, else cat_mask or cat-mask with any suffix. - as SOURCE or MASK is standard input.

    SOURCE, MASK and OUT may be in a store: s3://, gs://, az:// or file:// with a slash at the end for a folder.

    The work is done on this machine, with the settings of the server (ERASE_ variables), or by a server with --url.
    """
    from image_erase.batch import command  # noqa: PLC0415
    from image_erase.batch.failures import PlanError  # noqa: PLC0415
    from image_erase.batch.plan import Existing  # noqa: PLC0415
    from image_erase.batch.report import Exit, shown  # noqa: PLC0415
    from image_erase.settings import SettingsError  # noqa: PLC0415

    masks = _one_mask(mask, mask_option)
    if resume and force:
        raise click.UsageError("--resume and --force exclude each other.")
    existing = Existing.SKIP if resume else Existing.OVERWRITE if force else Existing.REFUSE
    try:
        default_jobs, make_eraser = _remote(url, key, retries, engine) if url else _local(engine, key, jobs)
        order = command.Order(source, masks, out, jobs or default_jobs, existing=existing, **options)
        code = command.erase(order, make_eraser)
    except (SettingsError, PlanError) as error:
        click.echo(f"image-erase: {shown(error)}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    if code is Exit.INTERRUPTED:
        # Python would wait for the threads, of which one may wait for a store.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _one_mask(argument: Path | StoreUrl | None, option: Path | StoreUrl | None) -> Path | StoreUrl:
    if (argument is None) == (option is None):
        raise click.UsageError("MASK must be given once, as an argument or with --mask.")
    mask = argument or option
    assert mask
    return mask


def _local(engine: str | None, key: str | None, jobs: int | None) -> tuple[int, "MakeEraser"]:
    """Return the number of jobs, the default where none is given, and how to create a local eraser.

    Raises SettingsError, also where there would be more jobs than workers may be started.
    """
    from image_erase.batch.local import LocalEraser  # noqa: PLC0415
    from image_erase.job_options import job_options  # noqa: PLC0415
    from image_erase.settings import load_settings  # noqa: PLC0415

    if key and click.get_current_context().get_parameter_source("key") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--key needs --url.")
    settings = load_settings(engine=engine, workers=jobs)
    options, seconds = job_options(settings), settings.deadline_seconds
    return settings.workers, lambda jobs: LocalEraser(options, workers=jobs, deadline_seconds=seconds)


def _remote(url: str, key: str | None, retries: int, engine: str | None) -> tuple[int, "MakeEraser"]:
    """Return the default number of jobs, and how to create an eraser that calls the server."""
    from image_erase.batch.remote import RemoteEraser, Retries  # noqa: PLC0415

    if not key:
        raise click.UsageError("--url needs a key: IMAGE_ERASE_KEY or --key.")
    if engine:
        raise click.UsageError("--engine cannot be used with --url: the server chooses the engine.")
    return REMOTE_JOBS, lambda jobs: RemoteEraser(url, key, connections=jobs, retries=Retries(retries))
