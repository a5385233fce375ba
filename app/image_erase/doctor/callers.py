"""Check the API keys and the keys that sign links."""

from pathlib import Path

from image_erase.access.key_file import KeyLine, read_lines
from image_erase.doctor.finding import Finding, Level
from image_erase.results.location import folder_of
from image_erase.secrets import API_KEY_FILE, SIGNING_KEY_FILE, SecretUnusable, read_secret
from image_erase.settings import ResultSettings, Settings
from image_erase.system import HAS_FILE_MODES

WEAK_LENGTH, WEAK_VARIETY = 10, 5
# Docker's env files keep them, shells do not.
QUOTES = "\"'`"


def keys(settings: Settings) -> Finding:
    """Check that at least one API key is active and that no key is easy to guess."""
    if not settings.api_keys and not settings.api_keys_file:
        return _kept(settings, "keys", API_KEY_FILE)
    known = {key.get_secret_value(): True for key in settings.api_keys}
    lines: list[KeyLine] = []
    if settings.api_keys_file:
        try:
            lines = read_lines(settings.api_keys_file)
        except (OSError, UnicodeDecodeError) as error:
            return Finding(Level.WRONG, "keys", f"ERASE_API_KEYS_FILE cannot be read ({type(error).__name__})")
    if refused := [str(line.number) for line in lines if line.key is None]:
        says = f"lines {', '.join(refused[:20])} of {settings.api_keys_file} have no key that is printable ASCII"
        return Finding(Level.WRONG, "keys", says)
    return _judged(known | {line.key: line.is_active for line in lines if line.key}, settings.api_keys_file)


def signing_keys(settings: ResultSettings) -> Finding:
    """Check that result links can be signed."""
    if settings.signing_keys:
        return Finding(Level.OK, "signing keys", f"{len(settings.signing_keys)} set, the first signs")
    return _kept(settings, "signing keys", SIGNING_KEY_FILE)


def _kept(settings: ResultSettings, subject: str, file: str) -> Finding:
    """Return the finding for a key that is not set and so kept in the storage folder."""
    folder = folder_of(settings.storage_url)
    if folder is None:
        return Finding(Level.WRONG, subject, "none set, and a bucket cannot store one")
    path = folder / file
    try:
        read_secret(path)
        open_to_others = HAS_FILE_MODES and path.stat().st_mode & 0o077
    except FileNotFoundError:
        return Finding(Level.OK, subject, f"none set; the first start creates one in {path}")
    except OSError as error:
        return Finding(Level.WRONG, subject, f"{path} cannot be read ({error.strerror})")
    except SecretUnusable as error:
        return Finding(Level.WRONG, subject, f"{path} {error}; delete it, and the next start creates another")
    if open_to_others:
        return Finding(Level.WARNING, subject, f"{path} is open to other users (chmod 600)")
    return Finding(Level.OK, subject, f"none set; the one in {path} is used")


def _judged(known: dict[str, bool], file: Path | None) -> Finding:
    callers = [key for key, active in known.items() if active]
    weak = [key for key in callers if len(key) < WEAK_LENGTH or len(set(key)) < WEAK_VARIETY]
    count = f"{len(callers)} active, {len(known) - len(callers)} switched off"
    if not callers:
        return Finding(Level.WRONG, "keys", f"no key is active: {count}")
    if quoted := [key for key in callers if key[0] in QUOTES or key[-1] in QUOTES]:
        says = f"{len(quoted)} of {len(callers)} have quotes, which belong to the key; write it without them"
        return Finding(Level.WARNING, "keys", says)
    if weak:
        says = f"{len(weak)} of {len(callers)} are easy to guess: too short or too uniform (openssl rand -hex 16)"
        return Finding(Level.WARNING, "keys", says)
    if file and HAS_FILE_MODES and file.stat().st_mode & 0o007:
        return Finding(Level.WARNING, "keys", f"{count}; {file} is open to all users (chmod o-rwx)")
    return Finding(Level.OK, "keys", count)
