"""Run `image-erase erase`, from its arguments to the exit code."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click

from image_erase.batch.failures import PlanError
from image_erase.batch.files import DASH, Inputs, Outputs, read_standard_input
from image_erase.batch.plan import Existing, Plan, Task, Work, plan_folder, plan_one
from image_erase.batch.report import Exit, Progress, Record, shown
from image_erase.batch.run import PictureEraser, Run
from image_erase.batch.shards import WHOLE, Shard
from image_erase.batch.sources import entry
from image_erase.batch.stores.urls import StoreUrl
from image_erase.logs import configure_logging


@dataclass(frozen=True)
class Order:
    """Arguments of the command. jobs: images processed in parallel. source, masks and out may be `-` or a URL."""

    source: Path | StoreUrl
    masks: Path | StoreUrl
    out: Path | StoreUrl
    jobs: int
    recursive: bool = False
    shard: Shard = WHOLE
    existing: Existing = Existing.REFUSE
    dry_run: bool = False
    quiet: bool = False
    report: Path | None = None


#: Creates an eraser for that many parallel images.
MakeEraser = Callable[[int], PictureEraser]


def erase(order: Order, make_eraser: MakeEraser) -> Exit:
    """Execute an order. Raises PlanError if the run must not start."""
    if any(isinstance(place, StoreUrl) for place in (order.source, order.masks, order.out)):
        return _erase_in_stores(order, make_eraser)
    source, masks, out = (cast(Path, place) for place in (order.source, order.masks, order.out))
    plan = _plan(order, source, masks, out)
    _check_report(order, plan)
    if order.dry_run:
        return _list(plan, to_stderr=out == DASH)
    if plan.is_folder:
        _make_folders(out, plan)
    record = Record.of(plan)
    with _progress(order, plan, len(plan.to_do)) as progress:
        for task, failure in plan.failed:
            progress.failed(task, failure)
        if plan.to_do:
            _run(order, plan, make_eraser, record, progress)
    return _end(order, plan, record)


def _erase_in_stores(order: Order, make_eraser: MakeEraser) -> Exit:
    from image_erase.batch.stores.bulk import Bulk, plan_bulk  # noqa: PLC0415

    if DASH in (order.source, order.masks, order.out):
        raise PlanError("- for standard input or output does not go together with a URL")
    _check_report(order, Plan())
    places = (order.source, order.masks, order.out)
    plan = plan_bulk(Bulk(*places, recursive=order.recursive, existing=order.existing, shard=order.shard))
    if order.dry_run:
        return _list(plan.whole(), to_stderr=False)
    record = Record(pictures=0, skipped=0)
    with _progress(order, plan, None) as progress:
        _run(order, plan, make_eraser, record, progress)
    record.pictures, record.skipped = plan.found, plan.skipped
    return _end(order, plan, record)


@contextlib.contextmanager
def _progress(order: Order, work: Work, total: int | None) -> Iterator[Progress]:
    bar = work.is_folder and not order.quiet and sys.stderr.isatty()
    with contextlib.closing(Progress(total, bar=bar)) as progress:
        yield progress


def _plan(order: Order, source: Path, masks: Path, out: Path) -> Plan:
    if source.is_dir() or out.is_dir():
        if not source.is_dir() and not source.is_file():
            raise PlanError(f"{source}: has no name from which to name a file in {out}")
        if out == DASH or (out.exists() and not out.is_dir()):
            raise PlanError(f"{out}: must be a folder, because {source} is one")
        return plan_folder(source, masks, out, recursive=order.recursive, existing=order.existing, shard=order.shard)
    if order.shard != WHOLE:
        raise PlanError(f"{source}: must be a folder to be divided into shards")
    return plan_one(source, masks, out, order.existing)


def _check_report(order: Order, plan: Plan) -> None:
    """Raise PlanError if the report cannot be written or would replace an input or an existing file."""
    if order.report is None:
        return
    if order.report.is_dir() or not order.report.parent.is_dir():
        raise PlanError(f"{order.report}: must be a file in an existing folder")
    place = entry(order.report)
    used = (path for task in plan.tasks for path in (task.image, task.mask, task.output) if isinstance(path, Path))
    if any(path.name == place.name and entry(path) == place for path in used):
        raise PlanError(f"{order.report}: is an image or a mask of the run")
    if order.existing is Existing.REFUSE and os.path.lexists(order.report):
        raise PlanError(f"{order.report}: already exists; --force and --resume overwrite a report")


def _list(plan: Plan, *, to_stderr: bool) -> Exit:
    """Print what would be done, as tab-separated columns."""
    from image_erase.batch.sizes import mismatch  # noqa: PLC0415

    def line(word: str, task: Task, why: str = "") -> None:
        paths = (shown(path) if path else "" for path in (task.image, task.mask, task.output))
        click.echo("\t".join((word, *paths, *([shown(why)] if why else ()))), err=to_stderr)

    failed = list(plan.failed)
    for task in plan.to_do:
        failure = mismatch(task)
        if failure:
            failed.append((task, failure))
        else:
            line("erase", task)
    for task in plan.skipped:
        line("skip", task)
    for task, failure in failed:
        line("fail", task, failure.message)
    would = plan.size - len(plan.skipped) - len(failed)
    _say(f"{would} would be erased, {len(plan.skipped)} skipped, {len(failed)} would fail")
    return Exit.FAILED if failed else Exit.DONE


def _make_folders(out: Path, plan: Plan) -> None:
    try:
        for folder in {out} | {task.output.parent for task in plan.to_do if isinstance(task.output, Path)}:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlanError(f"{error.filename}: cannot be created ({error.strerror})") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise PlanError(f"{out}: cannot be written to")


def _run(order: Order, work: Work, make_eraser: MakeEraser, record: Record, progress: Progress) -> None:
    """Process the tasks until they are done or interrupted."""
    configure_logging("console", "error")
    started = time.monotonic()
    jobs = min(order.jobs, len(work.to_do)) if isinstance(work, Plan) else order.jobs
    try:
        inputs = Inputs(read_standard_input() if DASH in (order.source, order.masks) else b"")
        outputs = Outputs(overwrite=order.existing is Existing.OVERWRITE)
        run = Run(work, make_eraser(jobs), inputs, outputs, record, progress)
        asyncio.run(_until_told_to_end(run.all(jobs)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        record.interrupted = True
    record.seconds = time.monotonic() - started


class _Threads(ThreadPoolExecutor):
    """Threads that nothing waits for at the end: a request to a store that hangs may take minutes."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See Executor."""
        super().shutdown(wait=False, cancel_futures=True)


async def _until_told_to_end(work: Awaitable[None]) -> None:
    """Do the work; handle SIGTERM like Ctrl-C, so that the report is written in both cases."""
    task = asyncio.current_task()
    assert task
    loop = asyncio.get_running_loop()
    loop.set_default_executor(_Threads())
    # Windows has no SIGTERM that could be handled.
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    await work


def _end(order: Order, plan: Work, record: Record) -> Exit:
    if record.stopped:
        _say(f"stopped: {shown(record.stopped)}")
    if record.interrupted:
        _say("interrupted")
    if plan.is_folder and not order.quiet:
        _say(record.summary)
    if order.report:
        try:
            Outputs(overwrite=True).write_whole(order.report, record.report)
        except OSError as error:
            _say(f"{shown(order.report)}: the report cannot be written ({error.strerror})")
            return max(record.exit_code, Exit.FAILED)
    return record.exit_code


def _say(line: str) -> None:
    click.echo(f"image-erase: {line}", err=True)
