"""What `image-erase serve` prints when it starts: a line that tries it."""

import shlex
import shutil
import socket
import sys
from pathlib import Path

from image_erase.contract.endpoints import HEADER, IMAGE_ERASE
from image_erase.sample import MASK, PHOTO

PROGRAM = "image-erase"
# In a clone.
_EXAMPLES = Path("examples")


def greeting(host: str, listener: socket.socket, key: str, here: Path, *, page: bool, tls: bool = False) -> list[str]:
    """Return the lines that the command prints.

    host: as the operator set it. key: to show. here: the working directory. page: whether the web page is served. tls:
    whether the server uses TLS; its certificate is rarely valid for the address of this machine.
    """
    if host.startswith("unix:"):
        return [f"{curl_line('http://localhost', key, here)} --unix-socket {shlex.quote(listener.getsockname())}"]
    base = base_to_show(host, listener.getsockname()[1], "https" if tls else "http")
    line = curl_line(base, key, here)
    return [line + " --insecure" if tls else line, *([f"or open {base}/ in a browser"] if page else [])]


def base_to_show(host: str, port: int, scheme: str = "http") -> str:
    """Return the URL under which this machine reaches the server, without a slash at the end."""
    address = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    return f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"


def curl_line(base: str, key: str, here: Path) -> str:
    """Return a command line that erases something from the example photograph.

    here: the working directory. If it has no examples, the command line creates them first.
    """
    folder = _EXAMPLES if (here / _EXAMPLES / PHOTO).is_file() else Path()
    first = "" if folder.name else f"{_program()} sample && "
    return (
        f'{first}curl -sS -H "{HEADER}: {key}" -F image=@{folder / PHOTO} '
        f"-F user_mask=@{folder / MASK} {base}{IMAGE_ERASE.path}"
    )


def _program() -> str:
    """Return how the command can be called; a runner such as uvx does not put it on the path."""
    return PROGRAM if shutil.which(PROGRAM) else shlex.quote(sys.argv[0])
