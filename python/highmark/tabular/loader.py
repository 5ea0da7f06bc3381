"""Encoded rows in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import _highmark
from ..screen import show_table
from ..seed import current_seed
from .checks import count
from .described import Described
from .encoded import Encoded, encoded_rows
from .info import Info
from .tensor import tensor_of

__all__ = ["DataLoader", "TabDataLoader"]


class DataLoader(Described):
    """Encoded rows in batches of ``bs``: iterating gives (codes, numbers, targets) as numpy. With ``shuffle`` each iteration has
    an order of its own, which follows from the seed and from how many there were before.

    Training draws its own order; this one is for looking. What a loader does not have itself is looked for in ``dataset``, its
    rows: ``xs``, ``ys``, ``items`` and so on.
    """

    def __init__(
        self,
        dataset: Encoded,
        bs: int = 64,
        shuffle: bool = False,
        drop_last: bool = False,
        num_workers: int = 0,
        device: Any = None,
    ) -> None:
        if not isinstance(dataset, Encoded) or len(dataset._parts) != 1:
            raise TypeError(f"dataset: encoded rows are needed, to.train, to.valid or to.new(df), not {dataset!r}")
        self.dataset = dataset
        self.bs = count("bs", bs, 1)
        self.shuffle = bool(shuffle)
        self.drop_last = bool(drop_last)
        self._info = dataset._info
        self._iterations = 0
        self.drift: list[str] = []

    @property
    def rows(self) -> _highmark.Dataset:
        """The rows as the library has them."""
        return self.dataset._parts[0]

    @property
    def items(self) -> Any:
        """Those of ``dataset``: what is written into it changes the rows."""
        return self.dataset.items

    @items.setter
    def items(self, items: Any) -> None:
        self.dataset.items = items

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.dataset)

    def __len__(self) -> int:
        return self.n // self.bs if self.drop_last else -(-self.n // self.bs)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        rows = self.rows
        order = self._order(rows)
        for start in range(0, len(self) * self.bs, self.bs):
            yield _batch(rows, order[start : start + self.bs])

    def one_batch(self) -> tuple[np.ndarray, ...]:
        """The first batch of another iteration."""
        rows = self.rows
        return _batch(rows, self._order(rows)[: self.bs])

    def _order(self, rows: _highmark.Dataset) -> Sequence[int] | np.ndarray:
        if not self.shuffle:
            return range(len(rows))
        self._iterations += 1
        return rows.shuffled(current_seed(), self._iterations - 1)

    def decoded(self, rows: Sequence[int] | np.ndarray) -> dict[str, list[Any]]:
        """These rows as they would stand in a table: categories, numbers in their own units, and targets."""
        return self._info.decode(*self.rows.arrays(list(rows)))

    def show_batch(self, b: Any = None, max_n: int = 10, **kwargs: Any) -> None:
        """Shows the first rows of another iteration, or of the batch ``b``. A number alone is ``max_n``."""
        if isinstance(b, (tuple, list)):
            cat, cont, *y = (np.asarray(part)[:max_n] for part in b)
            show_table(self._info.decode(cat, cont, y[0] if y else None))
        else:
            show_table(self.decoded(self._order(self.rows)[: max_n if b is None else count("max_n", b)]))

    def new(self, dataset: Encoded | None = None, **kwargs: Any) -> DataLoader:
        """A loader of other rows, ``to.new(df)`` for one; ``bs``, ``shuffle`` and ``drop_last`` as here unless given."""
        options: dict[str, Any] = {"bs": self.bs, "shuffle": self.shuffle, "drop_last": self.drop_last}
        return DataLoader(self.dataset if dataset is None else dataset, **(options | kwargs))

    def __getattr__(self, name: str) -> Any:
        return delegated(self, "dataset", name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.n} rows in batches of {self.bs}"


TabDataLoader = DataLoader


def _batch(rows: _highmark.Dataset, order: Sequence[int] | np.ndarray) -> tuple[np.ndarray, ...]:
    cat, cont, y = rows.arrays(list(order))
    # Signed, so that a difference of codes does not wrap.
    return tuple(tensor_of(part) for part in (cat.astype(np.int64), cont, y) if part is not None)


def test_loader(info: Info, items: Any, bs: int) -> DataLoader:
    """A loader of other rows than those to train on, encoded as they are; its ``drift`` tells what is new in them."""
    rows, drift = encoded_rows(info, items)
    loader = DataLoader(rows, bs)
    loader.drift = drift
    return loader


def delegated(owner: Any, part: str, name: str) -> Any:
    """The attribute ``name`` of a part, for an owner that does not have it."""
    if not name.startswith("_") and part in owner.__dict__ and hasattr(owner.__dict__[part], name):
        return getattr(owner.__dict__[part], name)
    raise AttributeError(f"{type(owner).__name__} has no attribute `{name}`")
