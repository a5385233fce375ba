"""Plan a run: which image with which mask to which output. Conflicts are found before the run starts."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Union

from image_erase.batch.failures import OUTPUT_EXISTS, UNWRITABLE, WRONG_SUFFIX, Failure, PictureFailed, PlanError
from image_erase.batch.files import DASH
from image_erase.batch.shards import WHOLE, Shard
from image_erase.batch.sources import (
    Found,
    MaskOf,
    entry,
    find_pictures,
    look_at,
    masks_at,
    result_name,
    suffix_mismatch,
)

if TYPE_CHECKING:
    from image_erase.batch.stores.stored import Stored

#: Where a file is.
Location = Union[Path, "Stored"]
_SHOWN = 3


class Existing(Enum):
    """How to treat outputs that already exist."""

    REFUSE = "refuse"
    SKIP = "skip"
    OVERWRITE = "overwrite"


@dataclass(frozen=True, slots=True)
class Task:
    """One image. mask, output: None if it failed before they were known. failure: if it failed already."""

    image: Location
    mask: Location | None
    output: Location | None
    failure: Failure | None = None


class Work(Protocol):
    """The work of a run."""

    @property
    def is_folder(self) -> bool:
        """Whether OUT is a folder, so that the command names the outputs."""

    def pending(self) -> Iterator[Task]:
        """Yield the tasks, those with a failure included. May block. Raises PlanError."""

    def output_for(self, task: Task, result_format: str) -> Location | None:
        """Return where a result belongs, None if it already exists and must stay. Raises PictureFailed.

        result_format: by its first bytes, because a server may return another format than expected.
        """


@dataclass(frozen=True)
class Plan:
    """All tasks of a run.

    to_do: tasks with mask and output. is_folder: whether OUT is a folder, so that the command names the outputs.
    """

    to_do: list[Task] = field(default_factory=list)
    skipped: list[Task] = field(default_factory=list)
    failed: list[tuple[Task, Failure]] = field(default_factory=list)
    is_folder: bool = False

    def pending(self) -> Iterator[Task]:
        """Yield the tasks that are left."""
        yield from self.to_do

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.to_do) + len(self.skipped) + len(self.failed)

    @property
    def tasks(self) -> Iterator[Task]:
        """All tasks."""
        yield from self.to_do
        yield from self.skipped
        yield from (task for task, _ in self.failed)

    def output_for(self, task: Task, result_format: str) -> Location:
        """See Work."""
        assert isinstance(task.output, Path)
        if not self.is_folder:
            mismatch = suffix_mismatch(task.output, result_format)
            if mismatch:
                raise PictureFailed(Failure(WRONG_SUFFIX, mismatch))
            return task.output
        place = result_name(task.output, result_format)
        if place != task.output and place in self._outputs:
            raise PictureFailed(Failure(OUTPUT_EXISTS, f"{place}: is the output of another image"))
        return place

    @cached_property
    def _outputs(self) -> frozenset[Location | None]:
        return frozenset(task.output for task in self.tasks)


def plan_one(image: Path, masks: Path, output: Path, existing: Existing) -> Plan:
    """Plan for one image, from a file to a file; each may be `-`. Raises PlanError."""
    if image == DASH and masks.is_dir():
        raise PlanError("an image from standard input has no name by which to find its mask")
    if image == masks == DASH:
        raise PlanError("only one of image and mask can come from standard input")
    if output != DASH and not output.parent.is_dir():
        why = Failure(UNWRITABLE, f"{output}: the folder {output.parent} does not exist")
        return Plan(failed=[(Task(image, None, output), why)])
    file_format = None if image == DASH else look_at(image.parent, image.name).format
    mismatch = suffix_mismatch(output, file_format) if file_format else None
    if mismatch:
        raise PlanError(mismatch)
    try:
        task = Task(image, masks_at(masks)(Path(image.name)), output)
    except PictureFailed as error:
        return Plan(failed=[(Task(image, None, output), error.failure)])
    return _settled([task], [], existing, is_folder=False)


def plan_folder(
    source: Path, masks: Path, out: Path, *, recursive: bool, existing: Existing, shard: Shard = WHOLE
) -> Plan:
    """Plan for the images of a folder, or for one file, with outputs in the folder OUT. Raises PlanError."""
    found = _pictures_of(source, masks, out, recursive) if source.is_dir() else [look_at(source.parent, source.name)]
    found = [picture for picture in found if shard.contains(picture.name)]
    root = source if source.is_dir() else source.parent
    mask_of = masks_at(masks)
    tasks, failed = [], []
    for picture in found:
        task, failure = _task(picture, root, mask_of, out)
        if failure:
            failed.append((task, failure))
        else:
            tasks.append(task)
    return _settled(tasks, failed, existing, is_folder=True)


def _pictures_of(source: Path, masks: Path, out: Path, recursive: bool) -> list[Found]:
    places = {name: Path(os.path.realpath(path)) for name, path in (("masks", masks), ("out", out))}
    for name, said in (("masks", "the masks must be in a folder of their own"), ("out", "OUT must be another folder")):
        if places[name] == Path(os.path.realpath(source)):
            raise PlanError(f"{source}: {said}")
    found = find_pictures(source, recursive=recursive, without=set(places.values()))
    mask = entry(masks)
    return [one for one in found if one.name.name != mask.name or entry(source / one.name) != mask]


def _task(picture: Found, root: Path, mask_of: MaskOf, out: Path) -> tuple[Task, Failure | None]:
    image = root / picture.name
    if picture.format is None:
        return Task(image, None, None), picture.failure
    output = out / result_name(picture.name, picture.format)
    try:
        return Task(image, mask_of(picture.name), output), None
    except PictureFailed as error:
        return Task(image, None, output), error.failure


def _settled(tasks: list[Task], failed: list[tuple[Task, Failure]], existing: Existing, *, is_folder: bool) -> Plan:
    """Return the plan with existing outputs skipped or refused. Raises PlanError on conflicts."""
    _refuse_shared_outputs(tasks)
    _refuse_read_outputs(tasks)
    there = [task for task in tasks if any(os.path.lexists(path) for path in _files(task.output))]
    if there and existing is Existing.REFUSE:
        names = _some(str(task.output) for task in there)
        raise PlanError(
            f"{len(there)} of {len(tasks)} outputs already exist ({names}): --resume skips them, --force overwrites"
        )
    skipped = there if existing is Existing.SKIP else []
    left_out = {task.output for task in skipped}
    to_do = [task for task in tasks if task.output not in left_out]
    return Plan(to_do, skipped, failed, is_folder)


def _refuse_shared_outputs(tasks: Iterable[Task]) -> None:
    first: dict[Location, Task] = {}
    shared = []
    for task in tasks:
        assert task.output
        other = first.setdefault(task.output, task)
        if other is not task:
            shared.append(f"{other.image} and {task.image} to {task.output}")
    if shared:
        raise PlanError(f"{len(shared)} outputs would be written twice: {_some(shared)}")


def _refuse_read_outputs(tasks: Iterable[Task]) -> None:
    """Raise PlanError if an output is also an input: overwriting it would lose the original, even with --force."""
    folders: dict[Path, Path] = {}

    def place(path: Path) -> Path:
        if path.parent not in folders:
            folders[path.parent] = entry(path).parent
        return folders[path.parent] / path.name

    read = {place(path) for task in tasks for path in _files(task.image, task.mask)}
    both = [str(path) for task in tasks for path in _files(task.output) if place(path) in read]
    if both:
        raise PlanError(f"{len(both)} outputs are also images or masks of the run: {_some(both)}")


def _files(*locations: Location | None) -> Iterator[Path]:
    """Yield those that are files of this machine."""
    for path in locations:
        if isinstance(path, Path) and path != DASH:
            yield path


def _some(names: Iterable[str]) -> str:
    """Return the first few names in one line."""
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (", ..." if len(listed) > _SHOWN else "")
