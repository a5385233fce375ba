"""Make result.jpg: photo.jpg and mask.png, erased by the server of this project."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

EXAMPLES = Path(__file__).resolve().parent
SERVE = (sys.executable, "-c", "from image_erase.cli import main; main()", "serve", "--port", "0")


def main() -> None:
    """Start a server, call it with the example client, stop it."""
    with TemporaryDirectory() as storage:
        settings = os.environ | {"ERASE_STORAGE_URL": f"file://{storage}"}
        with subprocess.Popen(SERVE, cwd=EXAMPLES.parent, env=settings, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            try:
                erase(server.stdout.readline())
            finally:
                server.terminate()


def erase(curl_line: str) -> None:
    """Run the client against the server that has printed the curl line."""
    words = shlex.split(curl_line)
    key = words[words.index("-H") + 1].split(": ")[1]
    address = {"API_KEY": key, "BASE_URL": words[-1].split("/api/")[0]}
    files = [EXAMPLES / name for name in ("photo.jpg", "mask.png", "result.jpg")]
    command: list[str | Path] = [sys.executable, EXAMPLES / "client.py", *files]
    subprocess.run(command, env=os.environ | address, check=True)


if __name__ == "__main__":
    main()
