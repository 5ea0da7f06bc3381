"""Schedules of one's own: functions of the share of training that lies behind, and the callback that follows them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from .callback import Callback

__all__ = [
    "ParamScheduler",
    "SchedCos",
    "SchedExp",
    "SchedLin",
    "SchedNo",
    "SchedPoly",
    "annealer",
    "combine_scheds",
    "combined_cos",
    "sched_cos",
    "sched_exp",
    "sched_lin",
    "sched_no",
]

Sched = Callable[[float], float]


def SchedLin(start: float, end: float) -> Sched:
    """Along a line."""
    return lambda pos: start + (end - start) * pos


def SchedCos(start: float, end: float) -> Sched:
    """Along half a cosine."""
    return lambda pos: start + (end - start) * (1 - math.cos(math.pi * pos)) / 2


def SchedNo(start: float, end: float) -> Sched:
    """Always ``start``."""
    return lambda pos: start


def SchedExp(start: float, end: float) -> Sched:
    """By a factor that stays the same."""
    return lambda pos: start * (end / start) ** pos


def SchedPoly(start: float, end: float, power: float) -> Sched:
    """Along a power."""
    return lambda pos: start + (end - start) * pos**power


def annealer(f: Callable[[float, float, float], float]) -> Callable[[float, float], Sched]:
    """A schedule by its two ends, of a function of these and of the share that lies behind."""
    return lambda start, end: lambda pos: f(start, end, pos)


def sched_lin(start: float, end: float, pos: float) -> float:
    """Where :func:`SchedLin` is at ``pos``."""
    return SchedLin(start, end)(pos)


def sched_cos(start: float, end: float, pos: float) -> float:
    """Where :func:`SchedCos` is at ``pos``."""
    return SchedCos(start, end)(pos)


def sched_no(start: float, end: float, pos: float) -> float:
    """Where :func:`SchedNo` is at ``pos``."""
    return SchedNo(start, end)(pos)


def sched_exp(start: float, end: float, pos: float) -> float:
    """Where :func:`SchedExp` is at ``pos``."""
    return SchedExp(start, end)(pos)


def combine_scheds(pcts: Sequence[float], scheds: Sequence[Sched]) -> Sched:
    """One after another, each for its share of training."""
    if len(pcts) != len(scheds) or not pcts or min(pcts) < 0 or abs(sum(pcts) - 1) > 1e-6:
        raise ValueError(f"pcts: a share for each of the {len(scheds)} schedules is needed, 1 in all, not {list(pcts)}")

    def at(pos: float) -> float:
        begin = 0.0
        for share, sched in zip(pcts, scheds, strict=True):
            if share > 0 and pos < begin + share:
                break
            begin += share
        else:
            # The very end, up to rounding.
            share, sched = next((p, s) for p, s in zip(reversed(pcts), reversed(scheds), strict=True) if p > 0)
            begin = 1 - share
        return sched(min((pos - begin) / share, 1.0))

    return at


def combined_cos(pct: float, start: float, middle: float, end: float) -> Sched:
    """From ``start`` to ``middle`` in the first ``pct`` of training, then to ``end``, along cosines."""
    return combine_scheds([pct, 1 - pct], [SchedCos(start, middle), SchedCos(middle, end)])


class ParamScheduler(Callback):
    """Sets hyper-parameters before each training batch, ``{"lr": SchedCos(1e-2, 1e-5)}`` for one. For ``learn.fit``: the other
    kinds of fit have their own schedule of the rate."""

    order = 60
    run_valid = False

    def __init__(self, scheds: Mapping[str, Sched]) -> None:
        super().__init__()
        self.scheds = dict(scheds)

    def before_batch(self) -> None:
        for name, sched in self.scheds.items():
            self.learn.opt.set_hyper(name, sched(self.learn.pct_train))
