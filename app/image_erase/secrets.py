"""Secrets: API keys and signing keys, from the settings or generated and stored beside the results.

If the operator sets none, one of each is generated. Result links only reach the folder of results, so no link leads
to a secret.
"""

import os
import secrets
import shlex
from contextlib import suppress
from pathlib import Path

from image_erase.access.key_file import KeyFile, is_key, read_lines
from image_erase.access.keys import Keys
from image_erase.clock import Clock, system_clock
from image_erase.results.location import folder_of
from image_erase.setting_types import LEAST_SIGNING_KEY
from image_erase.settings import ResultSettings, Settings, SettingsError
from image_erase.system import NEW_FILE, flush_folder

API_KEY_FILE = "api-key"
SIGNING_KEY_FILE = "signing-key"
FOLDER_MODE, FILE_MODE = 0o700, 0o600
_API_KEY, _SIGNING_KEYS = "ERASE_API_KEYS", "ERASE_SIGNING_KEYS"
_LEAST = {API_KEY_FILE: 1, SIGNING_KEY_FILE: LEAST_SIGNING_KEY}


class SecretUnusable(Exception):
    """The content of a file cannot be used as a secret. The message is the reason, without the content."""


def api_keys(settings: Settings, clock: Clock = system_clock) -> Keys:
    """Return the valid API keys. Raises SettingsError."""
    try:
        file = KeyFile(settings.api_keys_file, clock) if settings.api_keys_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ERASE_API_KEYS_FILE: cannot be read ({type(error).__name__})") from None
    if settings.api_keys or file:
        return Keys((key.get_secret_value() for key in settings.api_keys), file)
    return Keys([_kept(settings, API_KEY_FILE, _API_KEY)])


def first_api_key(settings: Settings) -> str:
    """Return a valid API key: the first that is set, else the first active one of the key file, else the generated one.

    Raises SettingsError, also if no key of the file is active.
    """
    if settings.api_keys:
        return settings.api_keys[0].get_secret_value()
    if not settings.api_keys_file:
        return _kept(settings, API_KEY_FILE, _API_KEY)
    try:
        active = [line.key for line in read_lines(settings.api_keys_file) if line.key and line.is_active]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ERASE_API_KEYS_FILE: cannot be read ({type(error).__name__})") from None
    if not active:
        raise SettingsError("ERASE_API_KEYS_FILE: has no active key")
    return active[0]


def signing_keys(settings: ResultSettings) -> list[str]:
    """Return the secrets that sign links, the first for new ones. Raises SettingsError."""
    if settings.signing_keys:
        return [key.get_secret_value() for key in settings.signing_keys]
    return [_kept(settings, SIGNING_KEY_FILE, _SIGNING_KEYS)]


def key_to_show(settings: Settings) -> str:
    """Return the text for the API key in the command that is printed at startup.

    A key that is generated now is shown once; later, the file that contains it. A key set by the operator is not shown.
    Raises SettingsError.
    """
    folder = folder_of(settings.storage_url)
    if settings.api_keys or settings.api_keys_file or folder is None:
        return "YOUR-KEY"
    path = folder / API_KEY_FILE
    return f"$(cat {shlex.quote(str(path))})" if path.exists() else _kept(settings, API_KEY_FILE, _API_KEY)


def _kept(settings: ResultSettings, file: str, variable: str) -> str:
    folder = folder_of(settings.storage_url)
    if folder is None:
        raise SettingsError(f"{variable}: must be set when results are kept in a bucket")
    path = folder / file
    try:
        return kept_secret(path, _LEAST[file])
    except SecretUnusable as error:
        says = f"not set, and the one in {path} {error}; delete the file to create another"
        raise SettingsError(f"{variable}: {says}") from None
    except OSError as error:
        raise SettingsError(f"{variable}: not set, and none can be created in the storage ({error.strerror})") from None


def kept_secret(path: Path, least: int) -> str:
    """Return the secret in a file, which is created on first use, durably and readable by its owner only.

    least: the fewest characters that it may have. If several servers start on one storage at once, all get the same.
    Raises OSError, or SecretUnusable.
    """
    path.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    if not path.exists():
        _publish(path, secrets.token_urlsafe(32))
    return _checked(path.read_bytes(), least)


def read_secret(path: Path) -> str:
    """Return the secret in an existing file. Raises OSError, or SecretUnusable."""
    return _checked(path.read_bytes(), _LEAST[path.name])


def _checked(content: bytes, least: int) -> str:
    text = content.decode("ascii", "replace").strip()
    if not text:
        raise SecretUnusable("is empty")
    if not is_key(text):
        raise SecretUnusable("is not one line of printable ASCII")
    if len(text) < least:
        raise SecretUnusable(f"has fewer than {least} characters")
    return text


def _publish(path: Path, secret: str) -> None:
    """Write a secret durably and atomically, and never over an existing one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, NEW_FILE, FILE_MODE), "w", encoding="ascii") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    # If a power failure lost the secret, links signed with it would become invalid.
    flush_folder(path.parent)
