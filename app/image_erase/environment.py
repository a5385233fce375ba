"""Settings that come from files: those of an env file, and secrets named by a variable that ends in _FILE."""

from collections.abc import MutableMapping
from pathlib import Path

SUFFIX = "_FILE"
#: Variables whose value may be in a file. ERASE_API_KEYS_FILE is another setting: its file has its own format.
SECRETS = (
    "ERASE_SIGNING_KEYS",
    "ERASE_RATE_LIMIT_URL",
    "IMAGE_ERASE_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_CLIENT_SECRET",
)
_LARGEST_BYTES = 64 * 1024


class EnvironmentFileError(Exception):
    """A file cannot be used. The message is one line, names the variable, and shows no value."""


class Environment:
    """The environment of this process, completed from files, which can be read again.

    environment: changed in place. env_file: see `complete`.
    """

    def __init__(self, environment: MutableMapping[str, str], env_file: Path | None) -> None:
        """Complete the environment. Raises EnvironmentFileError."""
        self._environment, self._env_file = environment, env_file
        self._given = dict(environment)
        complete(environment, env_file)

    def read_again(self) -> None:
        """Read the files again. Raises EnvironmentFileError, and changes nothing then."""
        fresh = dict(self._given)
        complete(fresh, self._env_file)
        for name in set(self._environment) - set(fresh):
            del self._environment[name]
        self._environment.update(fresh)


def complete(environment: MutableMapping[str, str], env_file: Path | None) -> None:
    """Add what the files say to the environment. Raises EnvironmentFileError with one line that shows no value.

    env_file: lines NAME=value, in the format of Docker and systemd; variables that are already set take precedence.
    """
    if env_file:
        for name, value in _env_file(env_file).items():
            environment.setdefault(name, value)
    for name in SECRETS:
        if path := environment.pop(name + SUFFIX, ""):
            if environment.get(name):
                raise EnvironmentFileError(f"{name}{SUFFIX}: must not be set beside {name}")
            environment[name] = _secret(name, Path(path))


def _env_file(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values  # noqa: PLC0415, only where there is such a file

    try:
        with path.open(encoding="utf-8") as file:
            values = dotenv_values(stream=file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(f"--env-file: {path} cannot be read ({_reason(error)})") from None
    if wrong := [name for name, value in values.items() if value is None]:
        raise EnvironmentFileError(f"--env-file: {path}: {wrong[0][:40]!r} has no value; lines must be NAME=value")
    return {name: value for name, value in values.items() if value is not None}


def _secret(name: str, path: Path) -> str:
    """Return the secret in a file; several, one per line, are joined by commas."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_BYTES + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(f"{name}{SUFFIX}: cannot be read ({_reason(error)})") from None
    if len(text) > _LARGEST_BYTES:
        raise EnvironmentFileError(f"{name}{SUFFIX}: is too large to be a secret")
    secret = ",".join(line.strip() for line in text.splitlines() if line.strip())
    if not secret:
        raise EnvironmentFileError(f"{name}{SUFFIX}: is empty")
    return secret


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
