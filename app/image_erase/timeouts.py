"""Time limits of a server that are not settings, in one object, so that tests can pass in others."""

from dataclasses import dataclass, field

from image_erase.access.shared_rates import RedisTimeouts
from image_erase.http.limits import Limits
from image_erase.jobs.process import WorkerTimeouts
from image_erase.results.bucket_client import BucketTimeouts


@dataclass(frozen=True)
class Timeouts:
    """Time limits of a server.

    http: of connections and bodies. redis: of shared rate limits. bucket: of results. workers: of their processes.
    """

    http: Limits = field(default_factory=Limits)
    redis: RedisTimeouts = field(default_factory=RedisTimeouts)
    bucket: BucketTimeouts = field(default_factory=BucketTimeouts)
    workers: WorkerTimeouts = field(default_factory=WorkerTimeouts)


DEFAULT_TIMEOUTS = Timeouts()
