"""The seed of everything random: parameters, order of the rows, dropout, random splits."""

from __future__ import annotations

import random
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

__all__ = ["current_seed", "seed_for", "set_seed"]

_seed = 42
# How many learners each loaders have had since the seed was set.
_learners: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def set_seed(s: int, reproducible: bool = True) -> None:
    """Makes everything random from here on depend on ``s``, Python's and numpy's own random numbers included.

    Runs of one seed give the same bits whether asked for or not, so ``reproducible`` changes nothing. Without a call the
    seed is 42.
    """
    global _seed
    if isinstance(s, bool) or not isinstance(s, (int, np.integer)):
        raise TypeError(f"seed: a whole number is needed, not {s!r}")
    if not 0 <= int(s) < 2**63:
        raise ValueError(f"seed: {s} is not between 0 and 2^63")
    _seed = int(s)
    _learners.clear()
    random.seed(_seed)
    np.random.seed(_seed % 2**32)


def current_seed() -> int:
    """The seed that is used where none is given."""
    return _seed


def seed_for(dls: Any) -> int:
    """The seed of the next learner on ``dls``: the current one for the first, others for those that follow, so that an
    ensemble on the same rows is one."""
    before = _learners.get(dls, 0)
    _learners[dls] = before + 1
    if before == 0:
        return _seed
    return int(np.random.SeedSequence([_seed, before]).generate_state(1)[0])
