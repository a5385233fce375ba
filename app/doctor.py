"""Looks at all that a server needs before it is started, and says in plain words what is wrong."""

import asyncio
import errno
import http.client
import os
import shutil
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from app.api.keys import key_lines
from app.imaging.png import SIGNATURE, chunk
from app.jobs.pool import Answer, JobCrashed, JobTimeout, Pool, PoolFull
from app.jobs.process import WorkerDied
from app.main import job_options
from app.results.bucket import BucketStore
from app.results.location import folder_of, open_store
from app.results.names import ResultName
from app.results.secret import API_KEY_FILE, SIGNING_KEY_FILE
from app.results.store import ResultMissing, ResultStore, StoreError
from app.settings import Settings

MIB = 1024 * 1024
# The largest result is near 50 MB; below the first there may be no room for two, below the second for a busy day.
FULL_BYTES = 100 * MIB
LOW_BYTES = 1024 * MIB
WEAK_LENGTH, WEAK_VARIETY = 10, 5
HEALTH_SECONDS = 5.0
# How long what is tried in a bucket lasts, should it be left there.
TRIED_SECONDS = 60
_CGROUP = Path("/sys/fs/cgroup")


class Level(Enum):
    """How bad it is: fine; it works, but look at it; it will not work."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What one check found. subject: what was looked at. says: one line, no secret in it."""

    level: Level
    subject: str
    says: str

    @property
    def line(self) -> str:
        """The finding as the command prints it."""
        return f"{self.level.value:<8} {self.subject}: {self.says}"


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check's finding, each as soon as it is there. Leaves nothing behind but the storage's folder."""
    for check in (storage, space, keys, signing_keys, port, memory, workers):
        yield check(settings)


def storage(settings: Settings) -> Finding:
    """Whether results can be written, and with a bucket read, listed and deleted, for each of which it asks a right."""
    where = folder_of(settings.storage_url) or settings.storage_url
    try:
        store = open_store(settings.storage_url)
        done = asyncio.run(_try_bucket(store) if isinstance(store, BucketStore) else _try_folder(store))
    except StoreError as error:
        return Finding(Level.WRONG, "storage", f"{where} cannot be written ({error}); see ERASE_STORAGE_URL")
    except _BucketFailure as failure:
        return Finding(Level.WRONG, "storage", f"{where} cannot be {failure}; see ERASE_STORAGE_URL")
    return Finding(Level.OK, "storage", f"{where} can be {done}")


def space(settings: Settings) -> Finding:
    """Whether there is room for results."""
    folder = folder_of(settings.storage_url)
    if folder is None:
        return Finding(Level.OK, "space", "is the bucket's own affair")
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(Level.WRONG, "space", f"cannot be told ({error.strerror})")
    if free < FULL_BYTES:
        return Finding(Level.WRONG, "space", f"only {free // MIB} MiB are free in the storage")
    if free < LOW_BYTES:
        return Finding(Level.WARNING, "space", f"{free // MIB} MiB are free in the storage, which is little")
    return Finding(Level.OK, "space", f"{free // MIB} MiB are free in the storage")


def keys(settings: Settings) -> Finding:
    """Whether anybody may call, and nobody can guess a key."""
    if not settings.api_keys and not settings.api_keys_file:
        return _kept(settings, "keys", API_KEY_FILE)
    known = {key.get_secret_value(): True for key in settings.api_keys}
    if settings.api_keys_file:
        try:
            known |= dict(key_lines(settings.api_keys_file.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            return Finding(Level.WRONG, "keys", f"ERASE_API_KEYS_FILE cannot be read ({type(error).__name__})")
    return _judged(known, settings.api_keys_file)


def signing_keys(settings: Settings) -> Finding:
    """Whether result links can be signed."""
    if settings.signing_keys:
        return Finding(Level.OK, "signing keys", f"{len(settings.signing_keys)} set, the first signs")
    return _kept(settings, "signing keys", SIGNING_KEY_FILE)


def port(settings: Settings) -> Finding:
    """Whether the server can listen, or does so already."""
    where = f"{settings.host}:{settings.port}"
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return Finding(Level.WRONG, "port", f"cannot listen on {where} ({error.strerror or error})")
        if _answers(settings):
            return Finding(Level.OK, "port", f"a server answers on {where} already")
        return Finding(Level.WRONG, "port", f"{where} is in use by another program; see ERASE_PORT")
    return Finding(Level.OK, "port", f"{where} is free" if settings.port else "the server will take a free one")


def memory(settings: Settings) -> Finding:
    """Whether there is memory for all workers at once."""
    available = available_memory()
    if available is None:
        return Finding(Level.WARNING, "memory", "how much there is cannot be told on this system")
    fit = available // (settings.worker_memory_mb * MIB)
    each = settings.worker_memory_mb
    says = f"{available // MIB} MiB are available, {settings.workers} workers may take {each} MiB each"
    if fit < settings.workers:
        return Finding(Level.WARNING, "memory", f"{says}; ERASE_WORKERS={max(1, fit)} is safer")
    return Finding(Level.OK, "memory", says)


def workers(settings: Settings) -> Finding:
    """Whether workers start and erase something. Takes a second or two."""
    try:
        return asyncio.run(_try_workers(settings))
    except (WorkerDied, OSError) as error:
        return Finding(Level.WRONG, "workers", f"cannot be started ({error})")
    except (JobCrashed, JobTimeout, PoolFull) as error:
        return Finding(Level.WRONG, "workers", f"did not erase a small picture ({type(error).__name__})")


def available_memory(root: Path = _CGROUP, meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes that the machine and the container leave to this process, None where nothing tells.

    root: of the container's control group (version 2).
    """
    found = []
    with suppress(OSError, ValueError, IndexError):
        found.append(int(meminfo.read_text().partition("MemAvailable:")[2].split()[0]) * 1024)
    with suppress(OSError, ValueError):
        # "max" where there is no limit, which is no number
        found.append(int((root / "memory.max").read_text()) - int((root / "memory.current").read_text()))
    return max(0, min(found)) if found else None


def small_files() -> tuple[bytes, bytes]:
    """A picture and a mask, 64 x 64, made without the image libraries, which only workers load."""
    rows = range(64)
    image = [bytes((x * 3 + y) % 256 for x in rows) for y in rows]
    mask = [bytes(255 * (24 <= x < 40 and 24 <= y < 40) for x in rows) for y in rows]
    return _grey_png(image), _grey_png(mask)


def _grey_png(rows: list[bytes]) -> bytes:
    head = len(rows[0]).to_bytes(4) + len(rows).to_bytes(4) + bytes((8, 0, 0, 0, 0))
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


class _BucketFailure(Exception):
    """What a bucket can't do, and why."""


async def _try_folder(store: ResultStore) -> str:
    await store.check()
    return "written"


async def _try_bucket(store: BucketStore) -> str:
    """Do with a small result all that the server does with one."""
    now = time.time()
    name = ResultName.new("png", now, TRIED_SECONDS)

    async def read() -> None:
        opened = await store.open(name, 0, await store.size(name))
        assert b"".join([chunk async for chunk in opened.chunks()]) == b"tried"

    async def find() -> None:
        if name not in [found async for found in store.expired(now + TRIED_SECONDS)]:
            raise ResultMissing

    steps = {"written": store.put(name, b"tried"), "read": read(), "listed": find(), "deleted": store.delete(name)}
    try:
        for done, step in steps.items():
            try:
                await step
            except StoreError as error:
                raise _BucketFailure(f"{done} ({error})") from None
            except ResultMissing:
                raise _BucketFailure(f"{done} (what was written is not there)") from None
    finally:
        for step in steps.values():
            step.close()
    return "written, read, listed and deleted"


async def _try_workers(settings: Settings) -> Finding:
    pool = Pool(
        job_options(settings),
        workers=settings.workers,
        queue=settings.workers,
        deadline_seconds=settings.deadline_seconds,
    )
    began = time.perf_counter()
    await pool.start()
    started = time.perf_counter()
    try:
        # As many jobs as workers, all at once: each has to do one.
        answers = await asyncio.gather(*(pool.run({}, small_files()) for _ in range(settings.workers)))
    finally:
        await pool.stop()
    return _tried(answers, started - began)


def _tried(answers: list[Answer], seconds: float) -> Finding:
    failures = [answer.head["failure"] for answer in answers if "failure" in answer.head]
    if failures:
        return Finding(Level.WRONG, "workers", f"a small picture failed ({failures[0]})")
    slowest = max(answer.worked for answer in answers) * 1000
    return Finding(
        Level.OK,
        "workers",
        f"{len(answers)} started in {seconds:.1f} s, each erased from a small picture in at most {slowest:.0f} ms",
    )


def _kept(settings: Settings, subject: str, file: str) -> Finding:
    """What there is to say of a key that nobody has set."""
    folder = folder_of(settings.storage_url)
    if folder is None:
        return Finding(Level.WRONG, subject, "none set, and a bucket keeps none")
    path = folder / file
    try:
        open_to_others = path.stat().st_mode & 0o077
        readable = os.access(path, os.R_OK)
    except FileNotFoundError:
        return Finding(Level.OK, subject, f"none set; the first start makes one and keeps it in {path}")
    except OSError as error:
        return Finding(Level.WRONG, subject, f"{path} cannot be read ({error.strerror})")
    if not readable:
        return Finding(Level.WRONG, subject, f"{path} cannot be read by this user")
    if open_to_others:
        return Finding(Level.WARNING, subject, f"{path} is open to other users (chmod 600)")
    return Finding(Level.OK, subject, f"none set; the one in {path} counts")


def _judged(known: dict[str, bool], file: Path | None) -> Finding:
    callers = [key for key, active in known.items() if active]
    weak = [key for key in callers if len(key) < WEAK_LENGTH or len(set(key)) < WEAK_VARIETY]
    count = f"{len(callers)} may call, {len(known) - len(callers)} switched off"
    if not callers:
        return Finding(Level.WRONG, "keys", f"nobody may call: {count}")
    if weak:
        says = f"{len(weak)} of {len(callers)} can be guessed, being short or monotonous (openssl rand -hex 16)"
        return Finding(Level.WARNING, "keys", says)
    if file and file.stat().st_mode & 0o007:
        return Finding(Level.WARNING, "keys", f"{count}; {file} is open to all users (chmod o-rwx)")
    return Finding(Level.OK, "keys", count)


def _answers(settings: Settings) -> bool:
    """Whether a server of this kind is what uses the port."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.port, timeout=HEALTH_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return answer.status == 200 and answer.read(100) == b'{"status":"ok"}'
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
