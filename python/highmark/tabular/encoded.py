"""Encoded rows as DataFrames of pandas, for other libraries and for looking."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import _highmark
from ..screen import show_table
from .info import Info

__all__ = ["Encoded", "Procs"]


class Encoded:
    """Encoded rows, under the names that fastai's tables have."""

    def __init__(self, info: Info, parts: list[_highmark.Dataset]) -> None:
        self._info, self._parts = info, parts

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    @property
    def cats(self) -> Any:
        """The codes of the categorical columns."""
        return _frame(self._info.cat_names, [part.arrays()[0] for part in self._parts])

    @property
    def conts(self) -> Any:
        """The continuous columns, as they are trained on."""
        return _frame(self._info.cont_names, [part.arrays()[1] for part in self._parts])

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
        return _frame(self._info.y_names, [target for target in targets if target is not None])

    targ = ys

    @property
    def y(self) -> Any:
        """The first encoded target, as a Series."""
        return self.ys[self._info.y_names[0]]

    @property
    def items(self) -> Any:
        """Codes, numbers and, if there are any, encoded targets."""
        import pandas as pd

        known = all(part.arrays([])[2] is not None for part in self._parts)
        return pd.concat([self.xs, self.ys], axis=1) if known else self.xs

    all_cols = items

    def process(self) -> None:
        """Nothing is left to do: rows are encoded when they come."""

    def show(self, max_n: int = 10) -> None:
        """Shows the first rows as they stand in the table: categories, numbers in their own units, targets."""
        first = self._parts[0]
        show_table(self._info.decode(*first.arrays(list(range(min(max_n, len(first)))))))


def _frame(names: list[str], arrays: list[np.ndarray]) -> Any:
    import pandas as pd

    return pd.DataFrame(np.concatenate(arrays), columns=names)


class _Classes(dict[str, list[Any]]):
    """The classes of each categorical column."""

    @property
    def classes(self) -> dict[str, list[Any]]:
        return self


class Procs(list[str]):
    """The names of the steps of a preparation. What each has found is under its name, as in fastai:
    ``categorify.classes``, ``fill_missing.na_dict``, ``normalize.means`` and ``normalize.stds``."""

    def __init__(self, info: Info) -> None:
        super().__init__(info.procs)
        self._info = info

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(f"there is no proc `{name}` among {', '.join(self) or 'none'}")
        info = self._info
        if name == "categorify":
            return _Classes(info.classes)
        if name == "normalize":
            return SimpleNamespace(means=info.means, stds=info.stds)
        return SimpleNamespace(na_dict=info.fill)
