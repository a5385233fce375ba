"""What a person sees on the terminal while pictures are erased."""

import json
import sys

from tqdm import tqdm

from image_erase.batch.failures import Failure
from image_erase.batch.plan import Task


def shown(text: object) -> str:
    """Text from outside, a name or a server's words, in one line that does nothing to the terminal."""
    line = str(text)
    return line if line.isprintable() else json.dumps(line)


class Progress:
    """A bar with rate and time left, where it is wanted, and lines above it."""

    def __init__(self, total: int, *, bar: bool) -> None:
        self._bar = tqdm(total=total, unit=" pictures", file=sys.stderr, disable=not bar, dynamic_ncols=True)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()

    def advance(self) -> None:
        """One picture more."""
        self._bar.update()

    def failed(self, task: Task, failure: Failure) -> None:
        """Say why a picture was not erased."""
        self.say(f"{shown(task.image)}: {shown(failure.message)}")

    def say(self, line: str) -> None:
        """A line of its own. line: for the terminal already, see shown."""
        tqdm.write(f"image-erase: {line}", file=sys.stderr)
