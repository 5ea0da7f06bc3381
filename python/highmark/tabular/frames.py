"""DataFrames of pandas, for what works on them alone. Nothing here imports pandas: who has a DataFrame has it."""

from __future__ import annotations

from typing import Any

from ..tables import is_pandas

__all__ = ["column", "frame"]


def frame(df: Any) -> Any:
    """``df``, or a :class:`TypeError` if it is no DataFrame of pandas."""
    if not is_pandas(df):
        raise TypeError(f"df: a DataFrame of pandas is needed, not {type(df).__name__}; df.to_pandas() may make one")
    return df


def column(df: Any, name: Any) -> Any:
    """A column, or a :class:`KeyError` that names those there are."""
    if name not in df.columns:
        raise KeyError(f"there is no column `{name}`. There are: {', '.join(map(str, df.columns))}")
    return df[name]
