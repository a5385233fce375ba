"""Build parts of the server from the settings; other commands use some of them too."""

import logging
import time
from importlib.util import find_spec

from image_erase.access.rates import Limiter, RateLimit, WindowMemory
from image_erase.access.shared_rates import DEFAULT_TIMEOUTS, RedisTimeouts, Shared, SharedRateLimit
from image_erase.clock import Clock
from image_erase.observer import Observer
from image_erase.plain.options import FORMATS, MAX_SIDE
from image_erase.results.bucket_client import BucketTimeouts
from image_erase.results.location import open_store
from image_erase.results.store import ResultStore, StoreError
from image_erase.results.sweeper import Sweeper
from image_erase.settings import AccessSettings, ResultSettings, Settings, SettingsError
from image_erase.supervision import Supervisor
from image_erase.web.serving import PageFacts

# Other servers may store and delete too, so the store is counted again this often.
COUNT_SECONDS = 600

log = logging.getLogger(__name__)


def result_store(settings: ResultSettings, timeouts: BucketTimeouts) -> ResultStore:
    """Return the store of results. timeouts: used if it is a bucket. Raises SettingsError."""
    try:
        return open_store(settings.storage_url, settings.storage_bytes, timeouts)
    except StoreError as error:
        raise SettingsError(f"ERASE_STORAGE_URL: cannot be used ({error})") from None


def background_tasks(settings: ResultSettings, store: ResultStore, clock: Clock, observer: Observer) -> Supervisor:
    """Return the supervisor of all background tasks, not yet started."""
    supervisor = Supervisor(observer)
    interval = settings.sweep_interval_seconds
    supervisor.every("sweep", interval, Sweeper(store, clock, observer).sweep, delay=store.first_delay(interval))
    if store.counts:
        supervisor.every("storage_count", COUNT_SECONDS, lambda: store.count(clock()))
    supervisor.add("storage_modes", store.close_to_others)
    # A bucket that cannot be used now may work later, so the server starts anyway and logs the problem.
    supervisor.add("storage_check", store.check)
    return supervisor


def page_facts(settings: Settings) -> PageFacts:
    """Return the properties of the server that the page needs."""
    readable = [name.lower() for name in FORMATS if name != "HEIC" or find_spec("pillow_heif")]
    return PageFacts(
        settings.large_file_bytes,
        settings.large_pixels,
        MAX_SIDE,
        readable,
        settings.metadata,
        settings.page_sessions,
    )


def rate_limit(settings: AccessSettings, timeouts: RedisTimeouts) -> Limiter:
    """Return the rate limit of each key. timeouts: used if it is shared through Redis. Raises SettingsError."""
    own = RateLimit(settings.rate_limit, WindowMemory(time.monotonic), time.monotonic)
    return SharedRateLimit(shared_rates(settings, timeouts), own, timeouts) if settings.rate_limit_url else own


def shared_rates(settings: AccessSettings, timeouts: RedisTimeouts = DEFAULT_TIMEOUTS) -> Shared:
    """Return the rate limits shared through ERASE_RATE_LIMIT_URL. Raises SettingsError if the URL is not supported."""
    # Imported late: most servers do not need the client, which takes 6 MB and 0.1 s.
    from image_erase.access.shared_windows import SharedRates, SharedWindows  # noqa: PLC0415

    assert settings.rate_limit_url
    try:
        windows = SharedWindows(settings.rate_limit_url.get_secret_value(), timeouts.call)
        return SharedRates(settings.rate_limit, windows)
    except ValueError as error:
        raise SettingsError(f"ERASE_RATE_LIMIT_URL: {error}") from None
