"""Which rows validate: fastai's splitters. Each is called with the rows and returns row numbers to train and to validate on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .._highmark import divide
from ..seed import current_seed

__all__ = [
    "ColSplitter",
    "EndSplitter",
    "FuncSplitter",
    "IndexSplitter",
    "MaskSplitter",
    "RandomSplitter",
    "RandomSubsetSplitter",
    "TrainTestSplitter",
    "drawn",
]

Rows = Sequence[int] | np.ndarray
Splits = tuple[Rows, Rows]
Splitter = Callable[[Any], Splits]


def RandomSplitter(valid_pct: float = 0.2, seed: int | None = None) -> Splitter:
    """A share of the rows, drawn by ``seed`` (that of ``set_seed``, or 42, if there is none)."""

    def split(o: Any) -> Splits:
        return _lists(drawn(len(o), valid_pct, seed))

    return split


def drawn(rows: int, valid_pct: float = 0.2, seed: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The same as arrays, for many rows."""
    return divide(rows, float(valid_pct), current_seed() if seed is None else seed)


def TrainTestSplitter(
    test_size: float = 0.2,
    random_state: int | None = None,
    stratify: Any = None,
    train_size: float | None = None,
    shuffle: bool = True,
) -> Splitter:
    """A share of the rows; with ``stratify``, an array with a class for each row, that share of every class."""
    if train_size is not None and abs(train_size + test_size - 1) > 1e-9:
        raise ValueError("train_size: the rows that do not validate are trained on; give test_size alone")

    def split(o: Any) -> Splits:
        n = len(o)
        if not shuffle:
            cut = n - int(np.ceil(test_size * n))
            return range(cut), range(cut, n)
        classes = None
        if stratify is not None:
            codes = np.unique(np.asarray(stratify), return_inverse=True)[1]
            if len(codes) != n:
                raise ValueError(f"stratify: there are {len(codes)} classes for {n} rows")
            classes = codes.tolist()
        return _lists(divide(n, float(test_size), current_seed() if random_state is None else random_state, classes))

    return split


def IndexSplitter(valid_idx: Iterable[int]) -> Splitter:
    """These rows validate, and all others are trained on."""
    chosen = [_row(row) for row in valid_idx]

    def split(o: Any) -> Splits:
        train = np.ones(len(o), dtype=bool)
        train[[row for row in chosen if row < len(o)]] = False
        return np.flatnonzero(train).tolist(), chosen

    return split


def EndSplitter(valid_pct: float = 0.2, valid_last: bool = True) -> Splitter:
    """The last (or first) share of the rows validates: for data in the order of time."""

    def split(o: Any) -> Splits:
        n = len(o)
        cut = int(valid_pct * n)
        return (range(n - cut), range(n - cut, n)) if valid_last else (range(cut, n), range(cut))

    return split


def MaskSplitter(mask: Any) -> Splitter:
    """The rows where ``mask`` is true validate."""
    return IndexSplitter(np.flatnonzero(np.asarray(mask, dtype=bool)).tolist())


def FuncSplitter(func: Callable[[Any], bool]) -> Splitter:
    """The rows for which ``func`` is true validate."""

    def split(o: Any) -> Splits:
        return MaskSplitter([func(row) for row in o])(o)

    return split


def ColSplitter(col: str | int = "is_valid", on: Any = None) -> Splitter:
    """The rows validate in which the column ``col`` of a DataFrame is true, or is ``on`` or one of ``on``."""

    def split(o: Any) -> Splits:
        values = o.iloc[:, col] if isinstance(col, int) else o[col]
        if on is not None:
            values = values.isin(on if isinstance(on, (list, tuple, set)) else [on])
        return MaskSplitter(values)(o)

    return split


def RandomSubsetSplitter(train_sz: float, valid_sz: float, seed: int | None = None) -> Splitter:
    """A share of the rows to train on and one to validate on; the rest is left out."""
    if not (0 < train_sz < 1 and 0 < valid_sz < 1 and train_sz + valid_sz <= 1):
        raise ValueError(f"train_sz and valid_sz: shares of at most 1 together are needed, not {train_sz} and {valid_sz}")

    def split(o: Any) -> Splits:
        n = len(o)
        for name, share in (("train_sz", train_sz), ("valid_sz", valid_sz)):
            if int(share * n) == 0:
                raise ValueError(f"{name}: {share} of {n} rows is not one row")
        others, valid = drawn(n, valid_sz, seed)
        # Of those that do not validate so many do not train either, drawn likewise; half a row more, against rounding.
        left_out = len(others) - int(train_sz * n)
        train = others if left_out <= 0 else others[drawn(len(others), (left_out + 0.5) / len(others), seed)[0]]
        return _lists((train, valid))

    return split


def _lists(splits: tuple[np.ndarray, np.ndarray]) -> Splits:
    """As lists: those can be joined by ``+``, where arrays would be added."""
    return splits[0].tolist(), splits[1].tolist()


def _row(row: Any) -> int:
    row = row.item() if isinstance(row, np.ndarray) and row.ndim == 0 else row
    if isinstance(row, (bool, np.bool_)) or not isinstance(row, (int, np.integer)):
        raise TypeError(f"row numbers must be whole numbers, not {row!r}")
    if row < 0:
        raise ValueError(f"row {row} is not there; rows are counted from 0")
    return int(row)
