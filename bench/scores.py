"""Results of measurements, and their table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Mean = Callable[[Sequence[float]], float]

HEADER = (
    f"{'kind':8}{'engine':14}{'LPIPS':>8}{'x':>7}{'PSNR':>7}{'+dB':>7}{'better':>9}{'ms':>8}{'+ms':>7}{'x':>7}{'MB':>6}"
)


@dataclass
class Score:
    """One engine's figures for one kind of hole, case by case in the same order for every engine.

    lpips: empty where it was not measured. psnr: dB in the hole. seconds: processor time. megabytes: peaks.
    """

    lpips: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def wins(self, other: Score) -> int:
        """In how many cases this one is better than the other: by LPIPS where there is one, else by PSNR."""
        if self.lpips:
            return sum(mine < theirs for mine, theirs in zip(self.lpips, other.lpips, strict=True))
        return sum(mine > theirs for mine, theirs in zip(self.psnr, other.psnr, strict=True))


Scores = dict[tuple[str, str], Score]
"""By engine and kind."""


def table(scores: Scores, engines: Sequence[str], kinds: Sequence[str], against: str) -> str:
    """One line per kind and engine, with what sets it apart from the engine `against` where that was run.

    x: ratio of LPIPS means or of median times. better: cases in which it is better, and worse.
    """
    lines = [HEADER]
    for kind in kinds:
        other = scores.get((against, kind))
        lines += [_row(kind, name, scores[name, kind], other) for name in engines if (name, kind) in scores]
    return "\n".join(lines)


def _row(kind: str, name: str, score: Score, other: Score | None) -> str:
    middle = statistics.median(score.seconds)
    row = f"{kind:8}{name:14}" + (f"{statistics.mean(score.lpips):8.4f}" if score.lpips else f"{'-':>8}")
    row += _ratio(score.lpips, other.lpips if other else [], statistics.mean)
    row += f"{statistics.mean(score.psnr):7.2f}"
    if other is None or other is score:
        return row + f"{'-':>7}{'-':>9}{1000 * middle:8.0f}{'-':>7}{'-':>7}{max(score.megabytes):6.0f}"
    gain = statistics.mean(score.psnr) - statistics.mean(other.psnr)
    row += f"{gain:+7.2f}{f'{score.wins(other)}:{other.wins(score)}':>9}"
    later = statistics.median(mine - theirs for mine, theirs in zip(score.seconds, other.seconds, strict=True))
    row += f"{1000 * middle:8.0f}{1000 * later:+7.0f}" + _ratio(score.seconds, other.seconds, statistics.median)
    return row + f"{max(score.megabytes):6.0f}"


def _ratio(ours: Sequence[float], theirs: Sequence[float], mean: Mean) -> str:
    return f"{mean(ours) / mean(theirs):7.3f}" if ours and theirs else f"{'-':>7}"
