"""Keys of an operator who has set none: each made once, kept in the storage folder beside the results.

Results have a folder of their own in the storage, and links lead nowhere else, so no link leads to a key.
"""

import os
import secrets
from pathlib import Path

API_KEY_FILE = "api-key"
SIGNING_KEY_FILE = "signing-key"


def kept_secret(path: Path) -> str:
    """The secret in the file, which is made on first use, readable by its owner only.

    Several servers may start on one storage at once: all get the same. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _publish(path, secrets.token_urlsafe(32))
    return path.read_text("ascii").strip()


def _publish(path: Path, secret: str) -> None:
    """Write the secret so that it is there whole or not at all, and never over one that is there already."""
    draft = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secret + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
