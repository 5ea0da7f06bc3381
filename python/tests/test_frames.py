"""DataFrames of pandas before they are tables: what `fastai/frame_cells.py` does not compare."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from highmark.tabular import all as names


def events():
    dates = ["2020-01-01", "2020-01-03", "2020-01-03", "2020-01-09"]
    return pd.DataFrame({"date": dates, "event": [1, 0, 0, 0], "base": ["a"] * 4})


def test_rows_of_the_same_day_stay_as_many_as_they_are():
    """fastai joins by the day, so that two rows of one become eight."""
    out = names.add_elapsed_times(events(), "event", "date", "base")
    assert out["Afterevent"].tolist() == [0, 2, 2, 8] and out["Beforeevent"].tolist() == [0, 0, 0, 0]
    assert out["event_bw"].tolist() == [1, 1, 1, 1] and out["event_fw"].tolist() == [1, 0, 0, 0]


def test_what_is_not_there():
    with pytest.raises(KeyError, match="no column `dat`. There are: date, event, base"):
        names.make_date(events(), "dat")
    with pytest.raises(KeyError, match="no column `sale`"):
        names.add_elapsed_times(events(), ["event", "sale"], "date", "base")
    for function in (names.df_shrink, names.df_shrink_dtypes, lambda df: names.make_date(df, "date")):
        with pytest.raises(TypeError, match="a DataFrame of pandas is needed, not DataFrame.*to_pandas"):
            function(pl.DataFrame({"date": ["2020-01-01"]}))
    untouched = events()
    with pytest.raises(KeyError):
        names.add_elapsed_times(untouched, "event", "date", "bass")
    assert untouched.equals(events())


def test_nothing_grows():
    df = pd.DataFrame({"half": np.array([1, 2], dtype="float16"), "span": pd.arrays.IntervalArray.from_breaks([0, 1, 2])})
    assert names.df_shrink_dtypes(df, skip="half") == names.df_shrink_dtypes(df) == {}


def test_only_text_and_what_has_a_hash_becomes_categories():
    struct = pd.ArrowDtype(pa.struct([("x", pa.int64())]))
    df = pd.DataFrame({"list": [[1], [2]], "pair": [(1, [2]), (1, 2)], "text": ["a", "b"], "object": ["a", 3]})
    df = df.astype({"object": object}).assign(struct=pd.Series([{"x": 1}, {"x": 2}], dtype=struct))
    for kind in ("string", pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.large_string())):
        df[str(kind)] = pd.Series(["a", "b"], dtype=kind)
    shrunk = names.df_shrink(df)
    left = [name for name in df if shrunk[name].dtype != "category"]
    assert left == ["list", "pair", "struct"] and shrunk[left].equals(df[left])


def test_two_columns_of_one_name():
    df = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "b"])
    with pytest.raises(ValueError, match="column `b`: there are two columns with this name; rename one"):
        names.df_shrink(df)
    assert names.df_shrink(df, skip=["b"]).dtypes.tolist() == ["int8", "int64", "int64"]


def test_test_eq():
    for same in ((1, 1.0), ([1, (2,)], (1, [2])), (np.arange(3), [0, 1, 2]), (events(), events()), ("a", "a"), ({1}, {1})):
        names.test_eq(*same)
    for same in (({"a": np.arange(3)}, {"a": np.arange(3)}), ({"a": {"b": [events()]}, 1: 2}, {1: 2, "a": {"b": [events()]}})):
        names.test_eq(*same)
    for other in (({"a": np.arange(3)}, {"a": np.arange(4)}), ({"a": 1}, {"b": 1}), ({"a": 1}, {}), ({"a": 1}, [("a", 1)])):
        with pytest.raises(AssertionError, match="=="):
            names.test_eq(*other)
    for other in ((1, 2), ([1], [1, 2]), (np.arange(3), [0, 1, 3]), (events(), events().iloc[:1]), ("a", ["a"])):
        with pytest.raises(AssertionError, match="=="):
            names.test_eq(*other)
