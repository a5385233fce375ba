"""Make result.jpg: photo.jpg and mask.png, erased by the server of this project."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

EXAMPLES = Path(__file__).resolve().parent
SERVE = (sys.executable, "-c", "from image_erase.cli import main; main()", "serve", "--port", "0")


def main() -> None:
    """Start a server and call it with the example client."""
    with running_server() as (base, key):
        erase(base, key)


@contextmanager
def running_server() -> Iterator[tuple[str, str]]:
    """Start a server with an empty storage, and stop it at the end. Yields its address and its API key."""
    with TemporaryDirectory() as storage:
        settings = os.environ | {"ERASE_STORAGE_URL": f"file://{storage}"}
        with subprocess.Popen(SERVE, cwd=EXAMPLES.parent, env=settings, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            try:
                words = shlex.split(server.stdout.readline())
                yield words[-1].split("/api/")[0], words[words.index("-H") + 1].split(": ")[1]
            finally:
                server.terminate()


def erase(base: str, key: str) -> None:
    """Run the client against a server."""
    address = {"API_KEY": key, "BASE_URL": base}
    files = [EXAMPLES / name for name in ("photo.jpg", "mask.png", "result.jpg")]
    command: list[str | Path] = [sys.executable, EXAMPLES / "client.py", *files]
    subprocess.run(command, env=os.environ | address, check=True)


if __name__ == "__main__":
    main()
