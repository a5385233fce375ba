"""How much work goes into a fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EffortName = Literal["fast", "normal", "best"]


@dataclass(frozen=True)
class Effort:
    """Parameters that trade time for quality.

    exact, middle, finest, shallow: rounds of search and vote at levels where every pair of patches is compared, at
    the others, at full resolution, and there for holes no deeper than the stroke of a letter. exact_pairs: levels
    with more pairs than this are not compared exhaustively. broad: random sources that every target of a middle
    level is compared with before the search among neighbours. settled: mean change of a vote, in grey levels, below
    which a level has converged. seed: of the random numbers, 0 or more. targets: most hole pixels of a region after
    reduction, as a share of the working side squared.
    """

    exact: int = 8
    middle: int = 7
    finest: int = 2
    shallow: int = 4
    exact_pairs: int = 6_000_000
    broad: int = 1500
    settled: float = 0.3
    seed: int = 0
    targets: float = 0.04


FAST = Effort(exact=4, middle=3, finest=1, shallow=2, exact_pairs=3_000_000, broad=500, targets=0.014)
NORMAL = Effort()
BEST = Effort(exact=12, middle=10, finest=3, shallow=6, exact_pairs=12_000_000, broad=3000, settled=0.2, targets=0.12)

EFFORTS: dict[EffortName, Effort] = {"fast": FAST, "normal": NORMAL, "best": BEST}
