"""The outcome of a run: lines, a progress bar, the exit code, a JSON report."""

import json
import sys
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import click

from image_erase.batch.failures import Failure
from image_erase.batch.plan import Plan, Task


class Exit(IntEnum):
    """Exit codes of the command."""

    DONE = 0
    FAILED = 1
    INTERRUPTED = 130


@dataclass
class Record:
    """Outcome so far. empty_masks: of those erased, how many are unchanged. stopped: why the run was stopped early."""

    pictures: int
    skipped: int
    erased: int = 0
    empty_masks: int = 0
    seconds: float = 0.0
    failures: list[tuple[Task, Failure]] = field(default_factory=list)
    stopped: str | None = None
    interrupted: bool = False

    @classmethod
    def of(cls, plan: Plan) -> "Record":
        """Record of a run before its first image; failures of the plan are already included."""
        return cls(plan.size, len(plan.skipped), failures=list(plan.failed))

    @property
    def not_tried(self) -> int:
        """Number of images that were not tried."""
        return self.pictures - self.skipped - self.erased - len(self.failures)

    @property
    def exit_code(self) -> Exit:
        """Exit code of the command."""
        if self.interrupted:
            return Exit.INTERRUPTED
        return Exit.FAILED if self.failures or self.stopped else Exit.DONE

    @property
    def summary(self) -> str:
        """Summary in one line."""
        rate = self.erased / self.seconds if self.seconds else 0.0
        left = f", {self.not_tried} not tried" if self.not_tried else ""
        unchanged = f", {self.empty_masks} unchanged by an empty mask" if self.empty_masks else ""
        counts = f"{self.erased} erased, {self.skipped} skipped, {len(self.failures)} failed{left}{unchanged}"
        return f"{counts} in {self.seconds:.1f} s, {rate:.2f} images/s"

    @property
    def report(self) -> bytes:
        """Report as JSON."""
        totals = {
            "pictures": self.pictures,
            "erased": self.erased,
            "skipped": self.skipped,
            "failed": len(self.failures),
            "not_tried": self.not_tried,
            "seconds": round(self.seconds, 3),
        }
        report = {
            "totals": totals,
            "exit_code": int(self.exit_code),
            "interrupted": self.interrupted,
            "stopped": self.stopped,
            "failures": [_failure(task, failure) for task, failure in self.failures],
        }
        return (json.dumps(report, indent=2) + "\n").encode("ascii")


def _failure(task: Task, failure: Failure) -> dict[str, Any]:
    return {
        "image": str(task.image),
        "mask": str(task.mask) if task.mask else None,
        "output": str(task.output) if task.output else None,
        "error_code": failure.code,
        "message": failure.message,
        "http_status": failure.http_status,
        "attempts": failure.attempts,
    }


def shown(text: object) -> str:
    """Return untrusted text, such as a name or a message, as one line without control characters."""
    line = str(text)
    return line if line.isprintable() else json.dumps(line)


class Progress:
    """An optional progress bar with rate and remaining time, and lines above it."""

    def __init__(self, total: int | None, *, bar: bool) -> None:
        """total: number of images, None if it is not known before."""
        self._bar = _bar(total) if bar else None

    def close(self) -> None:
        """Close the bar and leave it visible."""
        if self._bar:
            self._bar.close()

    def advance(self) -> None:
        """Count one more image."""
        if self._bar:
            self._bar.update()

    def failed(self, task: Task, failure: Failure) -> None:
        """Show why an image failed."""
        self.say(f"{shown(task.image)}: {shown(failure.message)}")

    def say(self, line: str) -> None:
        """Show a line above the bar. line: made safe by shown()."""
        text = f"image-erase: {line}"
        if self._bar:
            self._bar.write(text, file=sys.stderr)
        else:
            click.echo(text, err=True)


def _bar(total: int | None) -> Any:
    from tqdm import tqdm  # noqa: PLC0415, most runs have no bar

    return tqdm(total=total, unit=" images", file=sys.stderr, dynamic_ncols=True)
