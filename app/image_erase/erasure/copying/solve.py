"""Find the source of every erased pixel: match patches and vote, from coarse to fine.

After Wexler, Shechtman and Irani, "Space-time completion of video" (2007); Barnes et al., "PatchMatch" (2009); and
Newson et al., "Video inpainting of complex scenes" (2014), whose texture features preserve rough texture.
"""

import numpy as np

from image_erase.erasure.arrays import U8, Bool, Check, Hurried, Index, never_hurried, no_check
from image_erase.erasure.copying import lines, pyramid, start
from image_erase.erasure.copying.effort import NORMAL, Effort
from image_erase.erasure.copying.layout import Layout, Layouts, pulls
from image_erase.erasure.copying.pyramid import Level
from image_erase.erasure.copying.search import Field, Matcher, whole_patches
from image_erase.erasure.copying.sources import SourceMap
from image_erase.erasure.copying.vote import Ballot

RADII = (3, 2, 1)  # px; patch radii, best first
FEWEST_SOURCES = 32
SHALLOW = 8.0  # px
SEED = 2009


def solve(
    guide: U8,
    hole: Bool,
    *,
    valid: Bool | None = None,
    layouts: Layouts | None = None,
    effort: Effort = NORMAL,
    check: Check = no_check,
    hurried: Hurried = never_hurried,
) -> SourceMap:
    """Find, for every pixel of the hole, the known pixel that it copies.

    guide: HxWx3 uint8 BGR; its values in the hole are ignored. hole: HxW, True = erase. valid: HxW, True where pixels
    may be copied from; pixels of the hole never are, and if it allows no pixel, every known pixel is allowed. layouts:
    predicts what the hole hides. check: called every few ms, may raise to interrupt. Once `hurried`, the result of a
    coarse level is enlarged. Raises ValueError if no pixel is known.
    """
    if hole.all():
        raise ValueError("the hole leaves no known pixel")
    places = np.flatnonzero(hole)
    if not len(places):
        return SourceMap.of(hole.shape[1], places, places)
    usable = ~hole if valid is None else ~hole & valid
    if not usable.any():
        usable = ~hole
    radius = _patch_radius(usable)
    if radius is None:
        sources = start.nearest(usable)[places]
    else:
        levels = _levels(guide, hole, usable, radius, check)
        layout = layouts.lay_out(guide, hole, usable, check) if layouts and not hurried() else None
        sources = _Descent(levels, radius, layout, effort=effort, check=check, hurried=hurried).sources()
    return SourceMap.of(hole.shape[1], places, sources)


def _patch_radius(usable: Bool) -> int | None:
    """The largest radius that leaves enough whole patches to choose from; None if no radius does."""
    return next((radius for radius in RADII if _enough(usable, radius)), None)


def _enough(usable: Bool, radius: int) -> bool:
    return int(np.count_nonzero(whole_patches(usable, radius))) >= FEWEST_SOURCES


def _levels(guide: U8, hole: Bool, usable: Bool, radius: int, check: Check) -> list[Level]:
    """The pyramid without the coarsest levels, which have too few patches."""
    levels = pyramid.build(guide, hole, usable, check)
    while not _enough(levels[-1].usable, radius):
        levels.pop()
    return levels


class _Descent:
    """The descent from coarse to fine; each level starts from the result of the coarser one."""

    def __init__(
        self,
        levels: list[Level],
        radius: int,
        layout: Layout | None,
        *,
        effort: Effort,
        check: Check,
        hurried: Hurried,
    ) -> None:
        """Look for lines that cross the hole; nothing is filled yet."""
        self.levels, self.radius, self.effort, self.check, self.hurried = levels, radius, effort, check, hurried
        self.rng = np.random.default_rng(SEED + effort.seed)
        self.lines = lines.find(levels, check)
        self.pulls = pulls(layout, levels)

    def sources(self) -> Index:
        """The flat index of the pixel that each pixel of the finest hole copies."""
        number = len(self.levels) - 1
        self._guess(self.levels[number])
        ballot = self._enter(number)
        field = self._settled(ballot, None, number)
        while number and not self.hurried():
            number -= 1
            coarser, ballot = ballot, self._enter(number)
            self.check()
            field = _doubled(ballot.matcher, coarser.matcher, field)
            self.check()
            self._vote(ballot, field, number)
            field = self._settled(ballot, field, number)
        sources = ballot.elect(field)
        for finer in reversed(range(number)):
            sources = _enlarged(sources, self.levels[finer + 1], self.levels[finer])
        return sources

    def _guess(self, level: Level) -> None:
        if level.thin:
            start.diffuse(level)
        else:
            start.peel(level, self.radius, self.check, self.hurried)
        if pull := self.pulls[-1]:
            pull.start(level)

    def _enter(self, number: int) -> Ballot:
        self.check()
        matcher = Matcher(self.levels[number], self.radius, self.rng, self.check)
        self.check()
        return Ballot(matcher, self.check)

    def _draw_lines(self, number: int) -> None:
        """Draw the lines that cross the hole into the guess; from then on their pixels count as known."""
        level = self.levels[number]
        for line in self.lines:
            level.depth.reshape(-1)[lines.draw(level, line.at_scale(0.5**number))] = 0

    def _vote(self, ballot: Ballot, field: Field, number: int) -> float:
        """Fill the hole by the votes, pulled towards the layout. Returns the mean change of a value."""
        pull, level = self.pulls[number], ballot.matcher.level
        if pull is None:
            return ballot.vote(field)
        planes = level.planes.reshape(len(level.planes), -1)
        before = planes.take(ballot.pixels, axis=1)
        ballot.vote(field)
        pull.apply(level)
        return float(np.abs(planes.take(ballot.pixels, axis=1) - before).mean())

    def _settled(self, ballot: Ballot, field: Field | None, number: int) -> Field:
        """Alternate search and vote until little changes; returns the field."""
        matcher, effort = ballot.matcher, self.effort
        if number:
            self._draw_lines(number)
        matcher.refresh()
        refine = number == 0 and field is not None
        every = not refine and matcher.pairs <= effort.exact_pairs
        finest = effort.shallow if matcher.level.depth.max() <= SHALLOW else effort.finest
        rounds = finest if refine else effort.exact if every else effort.middle
        pool = matcher.sources if every else matcher.some(0 if refine else effort.broad)
        field = matcher.search(field, pool, wander=not every)
        for _ in range(1, rounds):
            if self.hurried() or self._vote(ballot, field, number) < effort.settled:
                break
            matcher.refresh()
            field = matcher.search(field, pool if every else pool[:0], wander=not every)
        return field


def _doubled(matcher: Matcher, coarser: Matcher, field: Field) -> Field:
    """Transfer the coarser field to this level, each source moved to the nearest allowed patch; distances are 0."""
    h, w = matcher.shape
    y, x = np.divmod(matcher.targets, w)
    number = coarser.number.take((y // 2) * coarser.shape[1] + x // 2)
    sy, sx = np.divmod(field.source.take(number), coarser.shape[1])
    sy, sx = np.minimum(2 * sy + y % 2, h - 1), np.minimum(2 * sx + x % 2, w - 1)
    source = np.where(number < 0, matcher.targets, sy * w + sx)
    nearest = start.nearest(matcher.allowed.reshape(h, w))
    return Field(nearest.take(source), np.zeros(len(source), np.float32))


def _enlarged(sources: Index, coarser: Level, finer: Level) -> Index:
    """The flat index of the source of each pixel of the finer level's hole, given those of the coarser level."""
    h, w = finer.hole.shape
    number = np.arange(coarser.hole.size)
    number[coarser.hole.ravel()] = sources
    y, x = np.nonzero(finer.hole)
    sy, sx = np.divmod(number.take((y // 2) * coarser.hole.shape[1] + x // 2), coarser.hole.shape[1])
    sy, sx = np.minimum(2 * sy + y % 2, h - 1), np.minimum(2 * sx + x % 2, w - 1)
    return np.asarray(start.nearest(finer.usable).take(sy * w + sx), np.intp)
