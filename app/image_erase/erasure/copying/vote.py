"""Vote from matched patches to pixels: the weighted mean of all patches, or the pixel of the best patch."""

from collections.abc import Iterator

import cv2
import numpy as np

from image_erase.erasure.arrays import F32, Check, Index
from image_erase.erasure.copying.search import Field, Matcher

RIM_DECAY = 2.2  # factor by which a patch's weight falls for every px of depth in the hole
COPY_DECAY = 1.2  # the same, where one patch is chosen
COPY_OFFSET = 0.2  # added cost of a patch for every px^2 between its centre and the pixel
DEEPEST = 60.0  # px; beyond this depth all patches have the same weight
SPREAD_QUANTILE = 0.75  # quantile of the patch distances that is taken as the typical distance
LEAST_TRUST = 1e-25
DEEP = 8.0  # px; in deeper holes every second patch, in a chessboard pattern, is enough
GATHERED = 1 << 14  # pairs of a pixel and a patch at a time, so that they fit the processor's cache
LANES = 4  # values are padded to a multiple of this, because NumPy gathers 16 and 32 bytes several times as fast


class Ballot:
    """The hole's pixels of one level, and the targets whose patches cover each pixel.

    Voters are indices of targets; -1 stands for pixels outside the picture.
    """

    def __init__(self, matcher: Matcher, check: Check) -> None:
        """Index the targets around the hole of the matcher's level."""
        h, w = matcher.shape
        r = matcher.radius
        self.matcher, self.check = matcher, check
        self.pixels: Index = np.flatnonzero(matcher.level.hole)
        y, x = np.divmod(self.pixels, w)
        top, left = int(y.min()) - r, int(x.min()) - r
        numbers = _padded(matcher.number.reshape(h, w), (top, left), (int(y.max()) + r + 1, int(x.max()) + r + 1))
        wide = numbers.shape[1]
        # The index -1 is the last one: outside the picture.
        self._numbers, self._corners = numbers.ravel(), (y - top - r) * wide + x - left - r
        at = np.arange(-r, r + 1)
        dy, dx = (offset.ravel() for offset in np.meshgrid(at, at, indexing="ij"))
        self._squares: Index = dy * dy + dx * dx
        self._moves: Index = dy * w + dx
        self._shifts: Index = (dy + r) * wide + dx + r
        self._asked = slice(None) if matcher.level.depth.max() <= DEEP else self._squares % 2 == 0
        self._known = _in_lanes(matcher.level.planes)

    def vote(self, field: Field) -> float:
        """Fill the hole with weighted means of all covering patches. Returns the mean change of a value."""
        planes = self.matcher.level.planes
        planes = planes.reshape(len(planes), -1)
        lanes = self._known.shape[1]
        source, trust = np.append(field.source, 0), np.repeat(self._trust(field)[:, None], lanes, axis=1)
        total = np.empty((len(self.pixels), lanes), np.float32)
        for part, voter in self._parts(self._asked):
            place = source.take(voter)
            place -= self._moves[self._asked, None]
            # Sources are known, and the values of known pixels do not change.
            said = self._known.take(place, axis=0, mode="clip")
            said *= trust.take(voter, axis=0)
            np.add.reduce(said, axis=0, out=total[part])
        total /= total[:, -1:]
        voted = total.T[: len(planes)]
        change = float(np.abs(voted - planes.take(self.pixels, axis=1)).mean())
        planes[:, self.pixels] = voted
        return change

    def elect(self, field: Field) -> Index:
        """The flat index of the one pixel that each pixel of the hole copies, by the best covering patch."""
        cost = (field.distance + 1) * COPY_DECAY ** self._depth()
        source, cost = np.append(field.source, 0), np.append(cost, np.inf).astype(np.float32)
        factors = (1 + COPY_OFFSET * self._squares).astype(np.float32)
        chosen = np.empty(len(self.pixels), np.intp)
        for part, voter in self._parts(slice(None)):
            price = cost.take(voter)
            price *= factors[:, None]
            best = price.argmin(axis=0)
            chosen[part] = source.take(np.take_along_axis(voter, best[None], axis=0)[0]) - self._moves.take(best)
        return chosen

    def _parts(self, asked: "slice | Index") -> Iterator[tuple[slice, Index]]:
        """Slices of the hole's pixels, and the voters of each: KxN, for the offsets `asked`."""
        shifts = self._shifts[asked, None]
        step = max(1, GATHERED // len(shifts))
        for first in range(0, len(self.pixels), step):
            self.check()
            part = slice(first, min(first + step, len(self.pixels)))
            yield part, self._numbers.take(shifts + self._corners[part])

    def _trust(self, field: Field) -> F32:
        """The weight of each target's patch, and a final 0 for pixels outside the picture."""
        usual = max(float(np.quantile(field.distance, SPREAD_QUANTILE)), 1e-3)
        trust = np.exp(-field.distance / (2 * usual)) * RIM_DECAY ** -self._depth()
        return np.append(np.maximum(trust, LEAST_TRUST), 0).astype(np.float32)

    def _depth(self) -> F32:
        depth = self.matcher.level.depth.ravel().take(self.matcher.targets)
        return np.minimum(depth, np.float32(DEEPEST))


def _padded(plane: Index, first: tuple[int, int], last: tuple[int, int]) -> Index:
    """The pixels from `first` to just before `last` (y, x) of HxW, -1 outside it."""
    h, w = plane.shape
    (top, left), (bottom, right) = first, last
    found = np.full((bottom - top, right - left), -1, np.intp)
    rows, columns = slice(max(0, top), min(h, bottom)), slice(max(0, left), min(w, right))
    found[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = plane[rows, columns]
    return found


def _in_lanes(planes: F32) -> F32:
    """CxHxW as (H*W)xL, with ones appended until L is a multiple of LANES: their weighted sum is the weight."""
    lanes = [*planes, *[np.ones_like(planes[0])] * (LANES - len(planes) % LANES)]
    return np.asarray(cv2.merge(lanes), np.float32).reshape(-1, len(lanes))
