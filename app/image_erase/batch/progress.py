"""Show progress and failures on the terminal."""

import json
import sys

from tqdm import tqdm

from image_erase.batch.failures import Failure
from image_erase.batch.plan import Task


def shown(text: object) -> str:
    """Return untrusted text, such as a name or a message, as one line without control characters."""
    line = str(text)
    return line if line.isprintable() else json.dumps(line)


class Progress:
    """An optional progress bar with rate and remaining time, and lines above it."""

    def __init__(self, total: int, *, bar: bool) -> None:
        self._bar = tqdm(total=total, unit=" images", file=sys.stderr, disable=not bar, dynamic_ncols=True)

    def close(self) -> None:
        """Close the bar and leave it visible."""
        self._bar.close()

    def advance(self) -> None:
        """Count one more image."""
        self._bar.update()

    def failed(self, task: Task, failure: Failure) -> None:
        """Show why an image failed."""
        self.say(f"{shown(task.image)}: {shown(failure.message)}")

    def say(self, line: str) -> None:
        """Show a line above the bar. line: made safe by shown()."""
        tqdm.write(f"image-erase: {line}", file=sys.stderr)
