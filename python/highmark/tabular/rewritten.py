"""Rows that were changed in their encoded form, as code for the importance of columns does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._highmark import Column, Dataset, Pipeline, Table, TabularData
from .info import Info

__all__ = ["Encoding"]

Arrays = tuple[np.ndarray, np.ndarray, "np.ndarray | None"]


class Encoding:
    """From encoded rows in a DataFrame to those of the library: a preparation whose categories are the codes themselves, and
    which leaves numbers as they are, so that nothing is lost on the way."""

    def __init__(self, info: Info) -> None:
        self._info = info
        self._pipeline: Pipeline | None = None

    def arrays(self, items: Any) -> Arrays:
        """Codes, numbers and, if their columns are there, targets."""
        info = self._info
        codes = [_whole(items, name, n) for name, n in zip(info.cat_names, info.cardinalities, strict=True)]
        numbers = [_finite(items, name) for name in info.cont_names]
        if any(name not in items for name in info.y_names):
            return _beside(items, codes, np.int64), _beside(items, numbers, np.float32), None
        if info.task == "classification":
            targets = _beside(items, [_whole(items, info.y_names[0], len(info.vocab))], np.int64)
        else:
            targets = _beside(items, [_finite(items, name) for name in info.y_names], np.float32)
        return _beside(items, codes, np.int64), _beside(items, numbers, np.float32), targets

    def rows(self, arrays: Arrays) -> Dataset:
        """These as rows of the library."""
        if self._pipeline is None:
            self._pipeline = self._fitted()
        return self._pipeline.apply(self._table(*arrays))[0]

    def _fitted(self) -> Pipeline:
        """Fitted on rows that have every class once, and no category that tells anything."""
        info, n = self._info, max(len(self._info.vocab), 2)
        codes, numbers = np.ones((n, len(info.cat_names)), np.int64), np.zeros((n, len(info.cont_names)), np.float32)
        targets: Any = np.repeat(np.arange(n)[:, None], len(info.y_names), axis=1)
        if info.task != "classification":
            targets = (targets % 2).astype(np.float32)
        config = {
            "targets": info.y_names,
            "task": info.task,
            "classes": None,
            "cat": info.cat_names,
            "cont": info.cont_names,
            "procs": [{"proc": "categorify"}],
            "max_card": 0,
        }
        return TabularData(self._table(codes, numbers, targets), json.dumps(config), np.arange(n), [0]).pipeline

    def _table(self, codes: np.ndarray, numbers: np.ndarray, targets: np.ndarray | None) -> Table:
        info = self._info
        columns = {name: _categories(codes[:, i] - 1, n - 1) for i, (name, n) in enumerate(self._categorical())}
        columns |= {name: Column.numbers(np.ascontiguousarray(numbers[:, i])) for i, name in enumerate(info.cont_names)}
        for i, name in enumerate(info.y_names if targets is not None else []):
            assert targets is not None
            column = np.ascontiguousarray(targets[:, i])
            of_classes = info.task == "classification"
            columns[name] = _categories(column, len(info.vocab)) if of_classes else Column.numbers(column)
        return Table.from_columns(list(columns), list(columns.values()))

    def _categorical(self) -> Iterable[tuple[str, int]]:
        return zip(self._info.cat_names, self._info.cardinalities, strict=True)


def _categories(codes: np.ndarray, n: int) -> Column:
    return Column.categories(np.ascontiguousarray(codes), Column.texts([str(level) for level in range(n)]))


def _beside(items: Any, columns: list[np.ndarray], kind: type) -> np.ndarray:
    return np.stack(columns, axis=1) if columns else np.zeros((len(items), 0), kind)


def _numbers(items: Any, name: str) -> np.ndarray:
    if name not in items:
        raise KeyError(f"items: there is no column `{name}` any more")
    try:
        return np.asarray(items[name], dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"items: column `{name}` holds encoded rows, which are numbers") from None


def _finite(items: Any, name: str) -> np.ndarray:
    numbers = _numbers(items, name).astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError(f"items: column `{name}` has values that are missing or infinite")
    return numbers


def _whole(items: Any, name: str, n: int) -> np.ndarray:
    numbers = _numbers(items, name)
    if not ((numbers >= 0) & (numbers < n) & (numbers == np.floor(numbers))).all():
        raise ValueError(f"items: the codes of column `{name}` are whole numbers from 0 to {n - 1}")
    return numbers.astype(np.int64)
