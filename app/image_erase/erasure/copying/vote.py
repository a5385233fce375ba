"""Vote from matched patches to pixels: the weighted mean of all patches, or the pixel of the best patch."""

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


class Ballot:
    """The hole's pixels of one level, and the targets whose patches cover each pixel.

    Voters are indices of targets; the index after the last stands for pixels outside the picture.
    """

    def __init__(self, matcher: Matcher, check: Check) -> None:
        """Index the targets around the hole of the matcher's level."""
        h, w = matcher.shape
        r = matcher.radius
        self.matcher, self.check = matcher, check
        self.pixels: Index = np.flatnonzero(matcher.level.hole)
        self._deep = bool(matcher.level.depth.max() > DEEP)
        wide = w + 2 * r
        outside = len(matcher.targets)
        padded = np.full((h + 2 * r, wide), outside, np.intp)
        padded[r : r + h, r : r + w] = np.where(matcher.number < 0, outside, matcher.number).reshape(h, w)
        y, x = np.divmod(self.pixels, w)
        self._numbers, self._corners = padded.ravel(), y * wide + x
        reach = range(-r, r + 1)
        self._offsets = [(dy * dy + dx * dx, dy * w + dx, (dy + r) * wide + dx + r) for dy in reach for dx in reach]

    def vote(self, field: Field) -> float:
        """Fill the hole with weighted means of all covering patches. Returns the mean change of a value."""
        planes = self.matcher.level.planes
        planes = planes.reshape(len(planes), -1)
        source, trust = np.append(field.source, 0), self._trust(field)
        total = np.zeros((len(planes), len(self.pixels)), np.float32)
        weight = np.zeros(len(self.pixels), np.float32)
        for square, move, corner in self._offsets:
            if self._deep and square % 2:
                continue
            self.check()
            voter = self._voters(corner)
            share, place = trust.take(voter), source.take(voter) - move
            weight += share
            for plane, heard in zip(planes, total, strict=True):
                said = plane.take(place, mode="clip")
                said *= share
                np.add(heard, said, out=heard)
        total /= weight
        change = float(np.abs(total - planes.take(self.pixels, axis=1)).mean())
        planes[:, self.pixels] = total
        return change

    def elect(self, field: Field) -> Index:
        """The flat index of the one pixel that each pixel of the hole copies, by the best covering patch."""
        cost = (field.distance + 1) * COPY_DECAY ** self._depth()
        source, cost = np.append(field.source, 0), np.append(cost, np.inf).astype(np.float32)
        best = np.full(len(self.pixels), np.inf, np.float32)
        chosen = np.zeros(len(self.pixels), np.intp)
        for square, move, corner in self._offsets:
            self.check()
            voter = self._voters(corner)
            price = cost.take(voter)
            price *= 1 + COPY_OFFSET * square
            better = np.flatnonzero(price < best)
            best[better] = price.take(better)
            chosen[better] = source.take(voter.take(better)) - move
        return chosen

    def _voters(self, corner: int) -> Index:
        voters: Index = self._numbers[corner:].take(self._corners)
        return voters

    def _trust(self, field: Field) -> F32:
        """The weight of each target's patch, and a final 0 for pixels outside the picture."""
        usual = max(float(np.quantile(field.distance, SPREAD_QUANTILE)), 1e-3)
        trust = np.exp(-field.distance / (2 * usual)) * RIM_DECAY ** -self._depth()
        return np.append(np.maximum(trust, LEAST_TRUST), 0).astype(np.float32)

    def _depth(self) -> F32:
        depth = self.matcher.level.depth.ravel().take(self.matcher.targets)
        return np.minimum(depth, np.float32(DEEPEST))
