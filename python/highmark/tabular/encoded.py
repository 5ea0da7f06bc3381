"""Encoded rows as DataFrames of pandas, for other libraries and for looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _highmark
from ..screen import show_table
from ..tables import is_pandas
from .described import Described
from .info import Info

if TYPE_CHECKING:
    from .data import DataLoaders

__all__ = ["Encoded"]

Arrays = tuple[np.ndarray, np.ndarray, "np.ndarray | None"]


class Encoded(Described):
    """Encoded rows, under the names that fastai's tables have. ``index`` gives the labels of the rows when they are asked for;
    without it they are numbered. What is written into ``items`` changes them."""

    # With which a learner is made; only tables to train on have it.
    _data: _highmark.TabularData | None = None

    def __init__(self, info: Info, parts: list[_highmark.Dataset], index: Callable[[], Any] | None = None) -> None:
        self._info, self._index = info, index
        # As they came, and as they are after what was written into items.
        self._first = self._now = parts
        self._items: Any = None

    @property
    def _parts(self) -> list[_highmark.Dataset]:
        """The rows as the library has them."""
        if self._items is not None:
            self._now = self._read_again(self._items)
        return self._now

    @property
    def _written(self) -> bool:
        """Whether they are others than those that came."""
        return self._parts is not self._first

    def _read_again(self, items: Any) -> list[_highmark.Dataset]:
        arrays = self._info.encoding.arrays(items)
        if _same(self._first, arrays):
            return self._first
        return self._now if _same(self._now, arrays) else [self._info.encoding.rows(arrays)]

    def __len__(self) -> int:
        # Without reading the items again, which may hold what is an error.
        return sum(len(part) for part in self._now) if self._items is None else len(self._items)

    @property
    def cats(self) -> Any:
        """The codes of the categorical columns, in signed integers that hold them."""
        import pandas as pd

        codes = np.concatenate([part.arrays()[0] for part in self._parts])
        sizes = zip(self.cat_names, self._info.cardinalities, strict=True)
        columns = {name: codes[:, i].astype(np.min_scalar_type(-size)) for i, (name, size) in enumerate(sizes)}
        return pd.DataFrame(columns, index=self._labels())

    @property
    def conts(self) -> Any:
        """The continuous columns, as they are trained on."""
        return self._frame(self.cont_names, [part.arrays()[1] for part in self._parts])

    @property
    def xs(self) -> Any:
        """Codes and numbers."""
        import pandas as pd

        return pd.concat([self.cats, self.conts], axis=1)

    @property
    def ys(self) -> Any:
        """The encoded targets."""
        targets = [part.arrays()[2] for part in self._parts]
        if any(target is None for target in targets):
            raise ValueError("these rows have no targets")
        return self._frame(self.y_names, [target for target in targets if target is not None])

    targ = ys

    @property
    def y(self) -> Any:
        """The first encoded target, as a Series."""
        return self.ys[self.y_names[0]]

    @property
    def items(self) -> Any:
        """Codes, numbers and, if there are any, encoded targets. What is written into it changes the rows, as in fastai; but
        not those of a table to train on."""
        if self._items is None:
            import pandas as pd

            known = all(part.arrays([])[2] is not None for part in self._now)
            self._items = pd.concat([self.xs, self.ys], axis=1) if known else self.xs
        return self._items

    @items.setter
    def items(self, items: Any) -> None:
        if not is_pandas(items):
            raise TypeError(f"items: a DataFrame of encoded rows is needed, not {items!r}")
        self._items = items

    all_cols = items

    @property
    def loc(self) -> Any:
        """Rows of ``items`` by their labels."""
        return self.items.loc

    @property
    def iloc(self) -> Any:
        """Rows of ``items`` by their places."""
        return self.items.iloc

    def __getitem__(self, names: Any) -> Any:
        """Columns of ``items``."""
        return self.items[names]

    def __iter__(self) -> Iterator[str]:
        """The names of its columns, as those of a DataFrame."""
        return iter(self.all_col_names if all(part.arrays([])[2] is not None for part in self._now) else self.x_names)

    @property
    def train(self) -> Encoded:
        """The rows to train on: all, where none validate."""
        return self

    @property
    def valid(self) -> Encoded:
        """The rows to validate on: none, unless the table was split."""
        return Encoded(self._info, [self._parts[0].take([])])

    def new(self, df: Any, inplace: bool = False) -> Encoded:
        """Other rows, encoded as the training rows are."""
        return encoded_rows(self._info, df)[0]

    def dataloaders(self, bs: int = 64, path: Any = ".", **kwargs: Any) -> DataLoaders:
        """Loaders of ``bs`` rows a batch; ``shuffle`` (yes) and ``drop_last`` (as ``shuffle``) are of the training rows."""
        from .data import DataLoaders

        return DataLoaders(self, bs=bs, path=path, **kwargs)

    def process(self) -> None:
        """Nothing is left to do: rows are encoded when they come."""

    def arrays(self, rows: Sequence[int] | None = None) -> Arrays:
        """Codes, numbers and targets of these rows of the first part, or of all."""
        return self._parts[0].arrays(rows)

    def show(self, max_n: int = 10) -> None:
        """Shows the first rows as they stand in the table: categories, numbers in their own units, targets."""
        show_table(self._info.decode(*self.arrays(list(range(min(max_n, len(self._parts[0])))))))

    def __repr__(self) -> str:
        columns = f"{len(self.cat_names)} categorical and {len(self.cont_names)} continuous columns"
        return f"{type(self).__name__}: {len(self):,} rows of {columns}; {self._info.task} of {', '.join(self.y_names)}"

    def _labels(self) -> Any:
        if self._items is not None:
            return self._items.index
        return None if self._index is None else self._index()

    def _frame(self, names: list[str], arrays: list[np.ndarray]) -> Any:
        import pandas as pd

        return pd.DataFrame(np.concatenate(arrays), columns=names, index=self._labels())


def _same(parts: list[_highmark.Dataset], arrays: Arrays) -> bool:
    """Whether rows are these."""
    for ours, theirs in zip(_joined(parts), arrays, strict=True):
        if ours is None or theirs is None:
            if ours is not theirs:
                return False
        elif not np.array_equal(ours, theirs):
            return False
    return True


def _joined(parts: list[_highmark.Dataset]) -> list[np.ndarray | None]:
    columns = zip(*(part.arrays() for part in parts), strict=True)
    return [None if any(one is None for one in column) else np.concatenate(column) for column in columns]


def encoded_rows(info: Info, df: Any) -> tuple[Encoded, list[str]]:
    """A table of any kind, encoded as the training rows are, and in what it differs from them."""
    rows, drift = info.apply(df)
    labels = df.index if is_pandas(df) else None
    return Encoded(info, [rows], lambda: labels), drift
