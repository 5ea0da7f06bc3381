"""Encoded rows as a DataFrame that cannot be mistaken for the rows themselves. Imported where pandas is needed."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["Items"]


class Items(pd.DataFrame):
    """A DataFrame of encoded rows. In fastai it is the table itself, and code that measures how much a column matters shuffles
    it there; here that would change nothing, and so it is an error."""

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            f"items[{key!r}] = ...: encoded rows do not change. Change the table and encode it by to.new(df) or "
            "dls.test_dl(df), or work with a copy, items.copy()"
        )
