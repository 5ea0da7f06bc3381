"""Features out of dates."""

from __future__ import annotations

from typing import Any

from .frames import column, frame

__all__ = ["add_datepart", "make_date"]


def make_date(df: Any, date_field: str) -> None:
    """Makes the column ``date_field`` of a DataFrame of pandas dates, unless it holds them already. The DataFrame is changed.

    Raises :class:`KeyError` if the column is not there, and pandas' errors for what it cannot read as a date.
    """
    import pandas as pd

    values = column(frame(df), date_field)
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        df[date_field] = pd.to_datetime(values)


def add_datepart(df: Any, field_name: str, prefix: str | None = None, drop: bool = True, time: bool = False) -> Any:
    """Adds columns of a date to a DataFrame of pandas, which is changed and returned: year, month, week, day, day of week
    and of year, whether a month, quarter or year begins or ends, and the seconds since 1970 (``Elapsed``); with ``time``
    hour, minute and second. Their names begin with ``prefix``, by default the field's without a trailing ``date``."""
    import re

    import numpy as np

    make_date(df, field_name)
    field = df[field_name]
    prefix = re.sub("[Dd]ate$", "", field_name) if prefix is None else prefix
    parts = ["Year", "Month", "Week", "Day", "Dayofweek", "Dayofyear", "Is_month_end", "Is_month_start"]
    parts += ["Is_quarter_end", "Is_quarter_start", "Is_year_end", "Is_year_start"]
    parts += ["Hour", "Minute", "Second"] if time else []
    for part in parts:
        attribute = {"Dayofweek": "day_of_week", "Dayofyear": "day_of_year"}.get(part, part.lower())
        values = field.dt.isocalendar().week if part == "Week" else getattr(field.dt, attribute)
        df[prefix + part] = values.astype(field.dt.day.dtype) if part == "Week" else values
    seconds = field.astype("datetime64[s]").astype("int64") if field.dt.tz is None else field.map(lambda d: d.timestamp())
    df[prefix + "Elapsed"] = np.where(field.notna(), seconds, np.nan)
    if drop:
        del df[field_name]
    return df
