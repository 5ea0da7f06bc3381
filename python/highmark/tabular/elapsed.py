"""How long ago events were, and how soon they come: features of rows that belong together, such as those of one shop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .dates import make_date
from .frames import column, frame

__all__ = ["add_elapsed_times"]

#: Rows over which events are counted, the row itself included.
_WINDOW = 7


def add_elapsed_times(df: Any, field_names: str | Sequence[str], date_field: str, base_field: str) -> Any:
    """A DataFrame of pandas with four more columns for each event in ``field_names``, by ``date_field`` among the rows of
    the same ``base_field``:

    - ``After`` + name: days since the event last was, 0 on its day and where it has not been yet;
    - ``Before`` + name: days until it is next, as a negative number; 0 on its day and where it does not come any more;
    - name + ``_bw``: how many of the last 7 rows have it, this one included; name + ``_fw``: of the next 7.

    Rows stay in their order and are numbered anew. ``df`` itself is changed in this: events become truth values, and
    ``date_field`` dates. Raises :class:`KeyError` for a column that is not there.

    >>> import pandas as pd
    >>> df = pd.DataFrame({"date": ["2019-12-04", "2019-11-29"], "event": [False, True], "base": [1, 1]})
    >>> add_elapsed_times(df, ["event"], "date", "base")["Afterevent"].tolist()
    [5, 0]
    """
    events = [field_names] if isinstance(field_names, str) else list(field_names)
    for name in (*events, date_field, base_field):
        column(frame(df), name)
    df[events] = df[events].astype(bool)
    make_date(df, date_field)
    result = df.reset_index(drop=True)
    past = result.sort_values([base_field, date_field])
    future = result.sort_values([base_field, date_field], ascending=[True, False])
    for prefix, rows in (("After", past), ("Before", future)):
        for name in events:
            last = rows[date_field].where(rows[name]).groupby(rows[base_field]).ffill()
            days = (rows[date_field] - last).dt.days
            result[prefix + name] = days.fillna(0).astype(int)
    for suffix, rows in (("bw", past), ("fw", future)):
        counts = rows.groupby(base_field)[events].rolling(_WINDOW, min_periods=1).sum()
        for name in events:
            result[f"{name}_{suffix}"] = counts[name].droplevel(0)
    return result
