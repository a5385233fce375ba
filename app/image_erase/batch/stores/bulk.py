"""Plan a run over object stores while it runs: each folder is listed once, and an image costs little memory."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from image_erase.batch.failures import OUTPUT_EXISTS, Failure, PictureFailed, PlanError
from image_erase.batch.plan import Existing, Location, Plan, Task
from image_erase.batch.shards import Shard
from image_erase.batch.sources import SUFFIXES, MaskNames, result_name
from image_erase.batch.stores.stored import Folder, Stored, local_path_of, place_of
from image_erase.batch.stores.urls import StoreUrl

_SHOWN = 3


@dataclass(frozen=True)
class Bulk:
    """Arguments of a run of which at least one is a URL. source, masks and out: folders, masks also one mask."""

    source: Path | StoreUrl
    masks: Path | StoreUrl
    out: Path | StoreUrl
    recursive: bool
    existing: Existing
    shard: Shard


@dataclass
class BulkPlan:
    """The tasks of a run over stores, found while others are processed.

    An image is recognised by the suffix of its name, because reading the first bytes of each would cost a request.
    there: outputs that exist. found, skipped: how many images were found so far, and skipped.
    """

    bulk: Bulk
    source: Folder
    out: Folder
    mask_of: Callable[[PurePosixPath], Location]
    without: frozenset[str]
    there: set[str]
    is_folder: bool = True
    found: int = 0
    skipped: int = 0
    _given: set[str] = field(default_factory=set)
    # Used by the thread that lists, and by the tasks that write.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pending(self) -> Iterator[Task]:
        """Yield the tasks that are left, and those that failed already. Blocks while it lists. Raises PlanError."""
        return (task for task, is_skipped in self._all() if not is_skipped)

    def whole(self) -> Plan:
        """Return the whole plan, to be listed."""
        plan = Plan(is_folder=True)
        for task, is_skipped in self._all():
            if task.failure:
                plan.failed.append((task, task.failure))
            else:
                (plan.skipped if is_skipped else plan.to_do).append(task)
        return plan

    def output_for(self, task: Task, result_format: str) -> Location | None:
        """See Work."""
        assert isinstance(task.output, Stored)
        name = result_name(task.output.name, result_format)
        output = Stored(self.out, name)
        if name == task.output.name:
            return output
        if not self._give(name):
            raise PictureFailed(_of_another(output))
        if str(name) in self.there:
            self._skip()
            return None
        return output

    def _all(self) -> Iterator[tuple[Task, bool]]:
        """Yield each image of the shard, and whether it is skipped."""
        for name in self.source.names():
            if self._is_wanted(name):
                self.found += 1
                task = self._task(name)
                is_skipped = task.output is not None and str(task.output.name) in self.there and not task.failure
                if is_skipped:
                    self._skip()
                yield task, is_skipped

    def _is_wanted(self, name: PurePosixPath) -> bool:
        if name.suffix.lower() not in SUFFIXES or not self.bulk.shard.contains(name):
            return False
        if len(name.parts) > 1 and not self.bulk.recursive:
            return False
        return str(name) not in self.without and not any(f"{above}/" in self.without for above in name.parents)

    def _skip(self) -> None:
        with self._lock:
            self.skipped += 1

    def _give(self, name: PurePosixPath) -> bool:
        """Reserve the output of an image. Returns False if another image has it."""
        with self._lock:
            is_free = str(name) not in self._given
            self._given.add(str(name))
            return is_free

    def _task(self, name: PurePosixPath) -> Task:
        image = Stored(self.source, name)
        file_format = "JPEG" if name.suffix.lower() in (".jpg", ".jpeg") else "PNG"
        output = Stored(self.out, result_name(name, file_format))
        if not self._give(output.name):
            return Task(image, None, output, _of_another(output))
        if str(output.name) in self.there:
            return Task(image, None, output)
        try:
            return Task(image, self.mask_of(name), output)
        except PictureFailed as error:
            return Task(image, None, output, error.failure)


def plan_bulk(bulk: Bulk) -> BulkPlan:
    """Plan a run of which at least one argument is a URL. Lists masks and outputs. Raises PlanError."""
    _refuse_files(bulk)
    source, out = Folder.of(bulk.source), Folder.of(bulk.out)
    mask_of, masks_url = _masks(bulk)
    if source.url.startswith(out.url):
        raise PlanError(f"{out.url}: OUT must not contain the images")
    if masks_url.startswith(out.url) or source.url == masks_url:
        raise PlanError(f"{masks_url}: the masks must be in a folder of their own")
    without = frozenset(url.removeprefix(source.url) for url in (out.url, masks_url) if url.startswith(source.url))
    there = {str(name) for name in _listed(out, bulk)}
    if there and bulk.existing is Existing.REFUSE:
        names = ", ".join(sorted(there)[:_SHOWN])
        raise PlanError(f"{len(there)} outputs already exist ({names}): --resume skips them, --force overwrites")
    return BulkPlan(bulk, source, out, mask_of, without, there if bulk.existing is Existing.SKIP else set())


def _refuse_files(bulk: Bulk) -> None:
    """Raise PlanError if SOURCE or OUT is not a folder, or a local path does not exist."""
    for place, what in ((bulk.source, "SOURCE"), (bulk.out, "OUT")):
        if isinstance(place, StoreUrl) and not place.is_folder:
            raise PlanError(f"{place}: {what} must be a folder, so its URL must end in a slash")
        local = local_path_of(place)
        if local and (not local.is_dir() if what == "SOURCE" else local.exists() and not local.is_dir()):
            raise PlanError(f"{place}: {what} must be a folder")
    masks = local_path_of(bulk.masks)
    if masks and not masks.exists():
        raise PlanError(f"{bulk.masks}: does not exist")


def _listed(folder: Folder, bulk: Bulk) -> Iterator[PurePosixPath]:
    """Yield the names of images in a folder that belong to the shard."""
    if bulk.existing is not Existing.OVERWRITE:
        yield from _of_shard(folder, bulk)


def _of_shard(folder: Folder, bulk: Bulk) -> Iterator[PurePosixPath]:
    for name in folder.names():
        if name.suffix.lower() in SUFFIXES and bulk.shard.contains(name):
            yield name


def _masks(bulk: Bulk) -> tuple[Callable[[PurePosixPath], Location], str]:
    """Return how to find masks, and their URL."""
    masks = bulk.masks
    if isinstance(masks, StoreUrl) and not masks.is_folder:
        mask = Stored.at(masks)
        return lambda name: mask, place_of(masks)
    if isinstance(masks, Path) and not masks.is_dir():
        return lambda name: masks, place_of(masks)
    folder = Folder.of(masks)
    names = MaskNames.of(_of_shard(folder, bulk), folder.url)
    return lambda name: Stored(folder, PurePosixPath(names.name_for(name))), folder.url


def _of_another(output: Stored) -> Failure:
    return Failure(OUTPUT_EXISTS, f"{output}: is the output of another image")
