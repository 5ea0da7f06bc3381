"""DataFrames in smaller types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .frames import frame

__all__ = ["df_shrink", "df_shrink_dtypes"]

_SMALLER: dict[str, list[type]] = {
    "i": [np.int8, np.int16, np.int32, np.int64],
    "u": [np.uint8, np.uint16, np.uint32, np.uint64],
    "f": [np.float32, np.float64, np.longdouble],
}


def df_shrink_dtypes(df: Any, skip: Iterable[Any] = (), obj2cat: bool = True, int2uint: bool = False) -> dict[Any, Any]:
    """The types in which columns of a DataFrame of pandas take less room and keep their range: a mapping of names to types,
    without the columns that stay as they are and those in ``skip``.

    Text becomes categories if ``obj2cat``, and so do other objects, unless they cannot be told apart (lists); with ``int2uint`` whole numbers that are not negative lose their sign. Floats
    become 32 bits if their range allows it, whatever digits they lose. Dates, truth values and nullable types stay.

    >>> import pandas as pd
    >>> df_shrink_dtypes(pd.DataFrame({"i": [-100, 0, 100], "e": [True, False, True]}))
    {'i': dtype('int8')}
    """
    left_out = {skip} if isinstance(skip, str) else set(skip)
    columns = frame(df).columns
    found = {}
    for name, dtype, repeated in zip(columns, df.dtypes, columns.duplicated(keep=False), strict=True):
        if name in left_out:
            continue
        if repeated:
            raise ValueError(f"column `{name}`: there are two columns with this name; rename one")
        if isinstance(dtype, np.dtype) and dtype.kind in _SMALLER:
            smaller: Any = _smallest(df[name], dtype, int2uint)
        else:
            smaller = "category" if obj2cat and _can_be_levels(df[name], dtype) else None
        if smaller is not None:
            found[name] = smaller
    return found


def df_shrink(df: Any, skip: Iterable[Any] = (), obj2cat: bool = True, int2uint: bool = False) -> Any:
    """A copy of a DataFrame of pandas in the types of :func:`df_shrink_dtypes`."""
    smaller = df_shrink_dtypes(df, skip, obj2cat, int2uint)
    return df.astype(smaller)


def _can_be_levels(values: Any, dtype: Any) -> bool:
    """Whether they are text, of any of the types that pandas has for it, or objects that have a hash."""
    if dtype.name != "object":
        return dtype.type is str
    try:
        for value in values:
            hash(value)
    except TypeError:
        return False
    return True


def _smallest(values: Any, dtype: np.dtype[Any], int2uint: bool) -> np.dtype[Any] | None:
    low, high = values.min(), values.max()
    kind = "u" if dtype.kind == "i" and int2uint and low >= 0 else dtype.kind
    limits: Any = np.finfo if kind == "f" else np.iinfo
    for smaller in map(np.dtype, _SMALLER[kind]):
        # A column without values has no range, and what is infinite fits nowhere.
        if limits(smaller).min <= low and high <= limits(smaller).max:
            return None if smaller == dtype or smaller.itemsize > dtype.itemsize else smaller
    return None
