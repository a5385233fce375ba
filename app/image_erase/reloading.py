"""Reload keys and limits on SIGHUP, while the server runs."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from image_erase.access.keys import Keys
from image_erase.access.rates import Limiter
from image_erase.clock import Clock
from image_erase.environment import EnvironmentFileError
from image_erase.http.connection import Shared
from image_erase.http.intake import Intake
from image_erase.jobs.pool import Pool
from image_erase.listening import tls_context
from image_erase.logs import set_level
from image_erase.results.links import Links
from image_erase.secrets import api_keys, signing_keys
from image_erase.settings import Settings, SettingsError
from image_erase.shares import Shares
from image_erase.system import allow_open_files

#: Settings that are applied to the running server; all others need a restart.
RELOADED = (
    "api_keys",
    "api_keys_file",
    "signing_keys",
    "tls_certificate",
    "tls_key",
    "rate_limit",
    "connections",
    "keepalive_seconds",
    "queue",
    "deadline_seconds",
    "receive_seconds",
    "receive_memory_mb",
    "answer_memory_mb",
    "log_level",
)
# Files that are open in addition to those of connections: pipes to workers, libraries, logs.
_SPARE_FILES = 256

Load = Callable[[], Settings]
#: Reads everything that new settings need, without changing anything, and returns a function that applies it.
#: Raises SettingsError.
Prepare = Callable[[Settings], Callable[[], None]]

log = logging.getLogger(__name__)


def allow_connections(settings: Settings) -> None:
    """Raise the limit of open files as far as the connections need: each is one, and may read one more, a result."""
    allow_open_files(2 * settings.connections + _SPARE_FILES)


@dataclass(frozen=True)
class Application:
    """The parts of the application that can be changed while it runs. arriving, answers: memory for these."""

    keys: Keys
    links: Links
    limit: Limiter
    pool: Pool
    intake: Intake
    arriving: Shares
    answers: Shares
    clock: Clock

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """See Prepare."""
        keys, secrets = api_keys(settings, self.clock), signing_keys(settings)

        def apply() -> None:
            self.keys.replace(keys)
            self.links.replace(secrets)
            self.limit.change(settings.rate_limit)
            self.pool.change(queue=settings.queue, deadline_seconds=settings.deadline_seconds)
            self.intake.seconds = settings.receive_seconds
            self.arriving.capacity = settings.receive_memory_mb << 20
            self.answers.capacity = settings.answer_memory_mb << 20
            set_level(settings.log_level)

        return apply


@dataclass(frozen=True)
class Connections:
    """The limits and the certificate of connections. Open connections keep theirs."""

    shared: Shared

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """See Prepare."""
        limits = replace(
            self.shared.limits, connections=settings.connections, keep_alive_seconds=settings.keepalive_seconds
        )

        tls = tls_context(settings)

        def apply() -> None:
            allow_connections(settings)
            self.shared.limits, self.shared.tls = limits, tls

        return apply


class Reloader:
    """Reads the settings again and applies those that can change: all of them, or none if any is invalid.

    settings: those in force. load: reads the settings, raises SettingsError or EnvironmentFileError.
    """

    def __init__(self, settings: Settings, load: Load, parts: Sequence[Prepare]) -> None:
        self._settings, self._load, self._parts = settings, load, parts

    async def reload(self) -> None:
        """Reload the settings and log what has changed, by name only. Raises nothing."""
        try:
            settings, fresh, changes = await asyncio.to_thread(self._prepared)
        except (SettingsError, EnvironmentFileError) as error:
            log.error("settings not reloaded, keeping the previous ones", extra={"reason": str(error)})
            return
        except Exception:
            log.exception("settings not reloaded, keeping the previous ones")
            return
        for apply in changes:
            apply()
        changed = {name for name in Settings.model_fields if getattr(fresh, name) != getattr(self._settings, name)}
        self._settings = settings
        applied = changed & set(RELOADED)
        facts = {"changed": _variables(applied), "needs_restart": _variables(changed - applied)}
        log.info("settings reloaded", extra=facts)

    def _prepared(self) -> tuple[Settings, Settings, list[Callable[[], None]]]:
        """Return the settings to be in force, those that were read, and what applies the first.

        Other settings that were read are ignored: keys that are generated stay those of the storage in use.
        """
        fresh = self._load()
        settings = self._settings.model_copy(update={name: getattr(fresh, name) for name in RELOADED})
        return settings, fresh, [prepare(settings) for prepare in self._parts]


def _variables(names: Iterable[str]) -> str | None:
    return ",".join(f"ERASE_{name.upper()}" for name in sorted(names)) or None
