"""Tables of all kinds as the library's own: pandas, polars, pyarrow, anything with the Arrow C interface, numpy, files."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from ._highmark import Column, Table, TabularData

__all__ = ["check_columns", "column_name", "column_names", "is_pandas", "rereadable", "table_of_kinds", "to_table"]

_CONVERT = "convert it to numbers or text"

# By the kinds of numpy's types.
_ADVICE = {
    "M": "make features of its dates by add_datepart, or leave it out",
    "m": "convert it to numbers of seconds, by dt.total_seconds() for one, or leave it out",
}


def is_pandas(source: Any) -> bool:
    """Whether it is a DataFrame of pandas, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(source, pandas.DataFrame)


def rereadable(source: Any) -> Any:
    """The same, or a table of it if it can be read only once."""
    once = not hasattr(source, "__len__") and hasattr(source, "__arrow_c_stream__")
    return to_table(source) if once else source


def column_names(source: Any) -> list[str]:
    """The names of the columns of a table of any kind."""
    if isinstance(source, Table):
        return source.names
    if isinstance(source, Mapping):
        return [column_name(name) for name in source]
    if is_pandas(source):
        return [column_name(name) for name in source.columns]
    names = getattr(source, "column_names", None)  # pyarrow
    if names is None:
        names = getattr(source, "columns", None)  # polars
    if names is None or callable(names):
        return to_table(source).names
    return [column_name(name) for name in names]


def check_columns(source: Any, wanted: Iterable[str]) -> None:
    """Refuses names of columns that a table of any kind does not have, by the names alone."""
    there = dict.fromkeys(column_names(source))
    unknown = [name for name in wanted if name not in there]
    if unknown:
        # The library says what may have been meant.
        stand_in = Table.from_columns(list(there), [Column.numbers(np.zeros(1))] * len(there))
        TabularData(stand_in, json.dumps({"targets": unknown[:1], "procs": [], "max_card": 0}), [], [])


def table_of_kinds(source: Any) -> Table:
    """As :func:`to_table`, to see of what kinds the columns are: one that cannot be used, of dates for one, has no values."""
    try:
        return to_table(source)
    except TypeError:
        if not isinstance(source, Mapping) and not is_pandas(source):
            raise
    columns = {}
    for name, values in source.items():
        try:
            columns[column_name(name)] = _column(column_name(name), values)
        except TypeError:
            columns[column_name(name)] = Column.texts([None] * len(values))
    return Table.from_columns(list(columns), list(columns.values()))


def to_table(
    source: Any, columns: Iterable[str] | None = None, *, trim: bool = False, delimiter: str | None = None
) -> Table:
    """A table of all columns, or of those of ``columns`` that are there.

    ``source`` is a DataFrame of pandas or polars, a table of pyarrow, anything else with ``__arrow_c_stream__``, a mapping
    of names to arrays, or the path of a CSV file, which may be compressed with gzip (``.csv.gz``), or of a Parquet file
    (``trim`` drops the blanks after a ``delimiter``).
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if not path.endswith(".gz"):
            return Table.read(path, trim, delimiter)
        if delimiter is None and path.endswith(".tsv.gz"):
            delimiter = "tab"
        return Table.read(path, trim, delimiter, _unpacked(path))
    wanted = None if columns is None else set(columns)
    if is_pandas(source):
        return _from_pandas(source, wanted)
    if _is_row(source):
        raise TypeError(
            f"a table is needed, not one row or column ({type(source).__name__}): `df.iloc[[0]]` is a table of one row, and "
            "`learn.predict` takes a row as it is"
        )
    if isinstance(source, Mapping):
        columns = {column_name(name): column for name, column in source.items()}
        return _from_columns({name: columns[name] for name in columns if wanted is None or name in wanted})
    if hasattr(source, "__arrow_c_stream__"):
        if not hasattr(source, "select"):
            return Table.from_arrow(source)
        names = [name for name in column_names(source) if wanted is None or name in wanted]
        return _from_arrow(source if wanted is None else source.select(names), names)
    raise TypeError(
        f"a table is needed, not {_kind(source)}: a DataFrame of pandas or polars, a table of pyarrow, a mapping of names to "
        "arrays, or the path of a file"
    )


def _unpacked(path: str) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be unpacked: {error}") from None


def _is_row(source: Any) -> bool:
    """Whether it is a Series, or a mapping of names to single values."""
    if isinstance(source, Mapping):
        return len(source) > 0 and not any(hasattr(value, "__len__") for value in source.values() if not isinstance(value, str))
    return hasattr(source, "to_frame")


def _kind(value: Any) -> str:
    return f"an object of the type {type(value).__name__}"


def column_name(name: Any) -> str:
    """The name of a column as text. Whole numbers, as a DataFrame of an array has them, are written out."""
    if isinstance(name, (int, np.integer)) and not isinstance(name, bool):
        return str(name)
    if not isinstance(name, str):
        raise TypeError(f"column names must be text or whole numbers, but there is {name!r}; rename the columns")
    return name


def _from_columns(columns: Mapping[str, Any]) -> Table:
    return Table.from_columns(list(columns), [_column(name, column) for name, column in columns.items()])


def _from_arrow(source: Any, names: list[str]) -> Table:
    """By the Arrow C interface; an error names the column."""
    if _is_polars(source):
        # Arrow's libraries disagree on what a column of no type consists of.
        source = source.cast({name: float for name, kind in source.schema.items() if str(kind) == "Null"})
    try:
        return Table.from_arrow(source)
    except ValueError:
        for name in names if len(names) > 1 else []:
            try:
                Table.from_arrow(source.select([name]))
            except ValueError as error:
                raise ValueError(f"column `{name}`: {error}") from None
        raise


def _is_polars(source: Any) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(source, polars.DataFrame)


def _from_pandas(df: Any, wanted: set[str] | None) -> Table:
    import pandas as pd

    columns = [(i, name) for i, name in enumerate(column_names(df)) if wanted is None or name in wanted]
    names = [name for _, name in columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"column `{twice}`: there are two columns with this name; rename one")
    if find_spec("pyarrow") is None or not df.columns.is_unique:
        return _from_columns({name: df.iloc[:, i] for i, name in columns})
    import pyarrow as pa

    dtypes = df.dtypes.tolist()
    categories = {name: dtypes[i] for i, name in columns if isinstance(dtypes[i], pd.CategoricalDtype)}
    # Those of pd.cut, which Arrow has not as categories.
    intervals = [name for name, dtype in categories.items() if isinstance(dtype.categories.dtype, pd.IntervalDtype)]
    if intervals or any(not isinstance(name, str) for name in df.columns):
        # Its columns are not copied.
        df = df.copy(deep=False)
        df.columns = column_names(df)
        for name in intervals:
            df[name] = df[name].cat.rename_categories(str)
    try:
        # The names of the columns go along: selecting them before would copy them.
        table = pa.Table.from_pandas(df, columns=names, preserve_index=False)
        return Table.from_arrow(table, list(categories))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        # Columns of mixed objects: one by one, so that the error names the column.
        return _from_columns({name: df[name] for name in names})


def _column(name: str, values: Any) -> Column:
    dtype = getattr(values, "dtype", None)
    if dtype is not None and dtype.__class__.__name__ == "CategoricalDtype":
        known = getattr(values, "cat", values)
        return Column.categories(np.asarray(known.codes), _column(name, known.categories))
    if hasattr(values, "factorize") and getattr(dtype, "kind", "") == "O":
        coded = Column.coded(np.asarray(values, dtype=object).tolist())
        if coded is not None:
            return coded
    if dtype is not None and not isinstance(dtype, np.dtype) and hasattr(values, "isna"):
        return _extension(name, values)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"column `{name}`: {error}") from None
    if array.ndim != 1:
        raise ValueError(f"column `{name}`: one axis is needed, and it has {array.ndim}")
    if array.dtype.kind in "iub" or array.dtype in (np.float32, np.float64):
        array = np.require(array, dtype=array.dtype.newbyteorder("="), requirements=["C", "A"])
        return Column.numbers(array)
    if array.dtype.kind == "f":
        return Column.numbers(np.ascontiguousarray(array, dtype=np.float64))
    if array.dtype.kind in "OUT":
        return _objects(name, array)
    raise TypeError(f"column `{name}`: its type {array.dtype} is not supported; {_ADVICE.get(array.dtype.kind, _CONVERT)}")


def _extension(name: str, values: Any) -> Column:
    """Nullable numbers, truth values and strings of pandas."""
    missing = np.asarray(values.isna(), dtype=bool)
    kind = getattr(values.dtype, "kind", "O")
    if kind in "iufb":
        plain = np.float64 if kind == "f" else {"i": np.int64, "u": np.uint64, "b": bool}[kind]
        filled = values.to_numpy(dtype=plain, na_value=plain(0))
        return Column.numbers(np.ascontiguousarray(filled), missing.tobytes())
    return _objects(name, _emptied(np.asarray(values, dtype=object), missing))


def _emptied(array: np.ndarray, missing: np.ndarray) -> np.ndarray:
    emptied = array.copy()
    emptied[missing] = None
    return emptied


def _objects(name: str, array: np.ndarray) -> Column:
    values = [None if _missing(value) else value for value in array.tolist()]
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {str}:
        return Column.texts(values)
    if {kind.__name__ for kind in kinds} == {"Interval"}:
        return Column.texts([None if value is None else str(value) for value in values])
    if kinds <= {bool, int, float}:
        missing = np.array([value is None for value in values], dtype=bool)
        dtype = bool if kinds == {bool} else np.int64 if float not in kinds else np.float64
        try:
            numbers = np.array([0 if value is None else value for value in values], dtype=dtype)
        except OverflowError:
            raise ValueError(f"column `{name}`: a number is too large for 64 bits") from None
        return Column.numbers(numbers, missing.tobytes())
    if kinds <= {bool, int, float, str}:
        # As a CSV file would have them.
        return Column.texts([None if value is None else str(value) for value in values])
    if kinds and all(kind.__module__ == "decimal" for kind in kinds):
        return _column(name, np.array([float("nan") if v is None else float(v) for v in values]))
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    dates = any(kind.__module__ == "datetime" for kind in kinds) or "Timestamp" in names
    advice = _ADVICE["m" if "delta" in names else "M"] if dates else _CONVERT
    raise TypeError(f"column `{name}`: values of the types {names} are not supported; {advice}")


def _missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, float):
        return value != value
    return type(value).__name__ in ("NAType", "NaTType")
