"""Find, for every patch that touches the hole, the most similar patch of the known picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, Bool, Check, Index
from image_erase.erasure.copying.descriptors import describe
from image_erase.erasure.copying.pyramid import Level

CHUNK = 8192  # candidates compared at a time
PAIRS = 1 << 19  # pairs of one matrix product, so that it fits the processor's cache
COHERENCE = 1.6  # a neighbour's candidate is accepted up to this many times the distance
STEPS = (2, 1)  # px
RANDOM_RADIUS = 16
RANDOM_TRIALS = 4
MANY_BOXES = 256


@dataclass
class Field:
    """The source of each target: flat pixel indices, and the squared distance of the two patches."""

    source: Index
    distance: F32


@dataclass(frozen=True)
class _Cut:
    """The targets `which`, located in `region` of the picture at the flat indices `places` of the region."""

    region: tuple[slice, slice]
    which: Index
    places: Index


class Matcher:
    """The targets and sources of one level, and the search for matches."""

    def __init__(self, level: Level, radius: int, rng: np.random.Generator, check: Check) -> None:
        """Describe the sources; the targets are described by refresh, once the hole holds a guess."""
        self.level, self.radius, self.rng, self.check = level, radius, rng, check
        h, w = level.hole.shape
        self.shape = h, w
        self.allowed = whole_patches(level.usable, radius).ravel()
        self.sources: Index = np.flatnonzero(self.allowed)
        near = _dilate(level.hole, radius)
        self.targets: Index = np.flatnonzero(near)
        self.number = np.full(h * w, -1, np.intp)
        self.number[self.targets] = np.arange(len(self.targets))
        self.plane = describe(level.planes, radius, check).reshape(h * w, -1)
        self.wanted = np.empty((len(self.targets), self.plane.shape[1]), np.float32)
        self._ones = np.ones(self.plane.shape[1], np.float32)
        self._cuts = [self._cut(*box) for box in _boxes(near)]
        self._neighbours: dict[int, tuple[Index, Index]] = {}

    @property
    def pairs(self) -> int:
        """The number of pairs of a target and a source."""
        return len(self.targets) * len(self.sources)

    def some(self, count: int) -> Index:
        """At most `count` of the sources, chosen at random, in order."""
        return np.sort(self.rng.choice(self.sources, min(count, len(self.sources)), replace=False))

    def _cut(self, top: int, left: int, bottom: int, right: int) -> "_Cut":
        r, width = self.radius, self.shape[1]
        above, before = max(0, top - r), max(0, left - r)
        region = np.s_[above : bottom + r, before : right + r]
        number = self.number.reshape(self.shape)[top:bottom, left:right]
        which = number[number >= 0]
        y, x = np.divmod(self.targets.take(which), width)
        wide = min(right + r, width) - before
        return _Cut(region, which, (y - above) * wide + x - before)

    def refresh(self) -> None:
        """Recompute the descriptors of the targets, after the contents of the hole changed."""
        for cut in self._cuts:
            described = describe(self.level.planes[:, *cut.region], self.radius, self.check)
            self.wanted[cut.which] = described.reshape(-1, described.shape[2]).take(cut.places, axis=0)

    def search(self, field: Field | None, pool: Index, wander: bool) -> Field:
        """Find the best sources among those of `field`, those of `pool` and those of the targets' neighbours.

        wander: also try random sources nearby. Without a field to start from, the pool must not be empty.
        """
        found = self._among(pool) if field is None else self._measured(field.source)
        if field is not None and len(pool):
            self._merge(found, self._among(pool))
        if wander:
            self._wander(found)
        self._propagate(found)
        return found

    def _measured(self, source: Index) -> Field:
        return Field(source, self._distances(np.arange(len(source)), source))

    def _distances(self, which: Index, source: Index) -> F32:
        """Squared descriptor distances between targets (by index) and sources (by pixel)."""
        out = np.empty(len(which), np.float32)
        for first in range(0, len(which), CHUNK):
            if first:
                self.check()
            part = slice(first, first + CHUNK)
            gap = self.plane.take(source[part], axis=0)
            gap -= self.wanted.take(which[part], axis=0)
            gap *= gap
            np.dot(gap, self._ones, out=out[part])
        return out

    def _among(self, pool: Index) -> Field:
        """The nearest of `pool` for every target, by matrix products: |t - s|^2 = |t|^2 + |s|^2 - 2ts."""
        described = self.plane.take(pool, axis=0)
        norm = np.einsum("ij,ij->i", described, described)
        product = np.ascontiguousarray(np.column_stack([described * -2, norm]).T)
        wanted = np.column_stack([self.wanted, np.ones(len(self.targets), np.float32)])
        best = np.empty(len(wanted), np.intp)
        rows = max(1, PAIRS // len(pool))
        for first in range(0, len(wanted), rows):
            self.check()
            best[first : first + rows] = (wanted[first : first + rows] @ product).argmin(axis=1)
        return self._measured(pool[best])

    def _merge(self, field: Field, other: Field) -> None:
        closer = np.flatnonzero(other.distance < field.distance)
        field.source[closer] = other.source.take(closer)
        field.distance[closer] = other.distance.take(closer)

    def _improve(self, field: Field, which: Index, source: Index, slack: float = 1.0) -> None:
        """Accept the candidates that are allowed and closer than `slack` times the distance in `field`."""
        use = np.flatnonzero(self.allowed.take(source, mode="clip") & (source != field.source.take(which)))
        which, source = which.take(use), source.take(use)
        distance = self._distances(which, source)
        better = np.flatnonzero(distance < slack * field.distance.take(which))
        which = which.take(better)
        field.source[which] = source.take(better)
        field.distance[which] = distance.take(better)

    def _propagate(self, field: Field) -> None:
        """Try the sources of the targets 2 and 1 px away, moved by the same distance."""
        for step in STEPS:
            self.check()
            for move in (-step, step, -step * self.shape[1], step * self.shape[1]):
                which, neighbour = self._pairs(move)
                self._improve(field, which, field.source.take(neighbour) - move, COHERENCE)

    def _pairs(self, move: int) -> tuple[Index, Index]:
        if move not in self._neighbours:
            neighbour = self.number.take(self.targets + move, mode="clip")
            which = np.flatnonzero(neighbour >= 0)
            self._neighbours[move] = which, neighbour[which]
        return self._neighbours[move]

    def _wander(self, field: Field) -> None:
        """Try random places around each source, at decreasing distances."""
        radius, which = RANDOM_RADIUS, np.arange(len(self.targets))
        for _ in range(RANDOM_TRIALS):
            self.check()
            dy, dx = self.rng.integers(-radius, radius + 1, (2, len(which)))
            self._improve(field, which, field.source + dy * self.shape[1] + dx)
            radius = max(1, radius // 2)


def whole_patches(usable: Bool, radius: int) -> Bool:
    """The pixels whose whole patch is inside the picture and usable."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    whole = cv2.erode(usable.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return whole.astype(bool)


def _dilate(hole: Bool, radius: int) -> Bool:
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    near: Bool = cv2.dilate(hole.astype(np.uint8), kernel).astype(bool)
    return near


def _boxes(near: Bool) -> list[tuple[int, int, int, int]]:
    """Boxes (top, left, bottom, right) that together cover the targets; a single box if there would be many."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8), connectivity=8)
    if count - 1 > MANY_BOXES or stats[1:, 4].sum() * 2 > near.size:
        return [(0, 0, *near.shape)]
    return [(int(t), int(x), int(t + h), int(x + w)) for x, t, w, h, _ in stats[1:]]
