"""The seed of everything random: parameters, order of the rows, dropout, random splits."""

from __future__ import annotations

import random

import numpy as np

__all__ = ["current_seed", "set_seed"]

_seed = 42


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
    random.seed(_seed)
    np.random.seed(_seed % 2**32)


def current_seed() -> int:
    """The seed that is used where none is given."""
    return _seed
