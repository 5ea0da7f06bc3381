"""Tables of every kind become the same numbers."""

import datetime
import decimal
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from highmark import tables
from highmark.tabular.all import (
    Categorify,
    CategoryBlock,
    EndSplitter,
    FillMissing,
    FillStrategy,
    IndexSplitter,
    MultiCategoryBlock,
    Normalize,
    RandomSplitter,
    RegressionBlock,
    TabularDataLoaders,
    TabularPandas,
    TrainTestSplitter,
    URLs,
    add_datepart,
    cont_cat_split,
    range_of,
    tabular_learner,
    untar_data,
)

PROCS = [Categorify, FillMissing, Normalize]


def encoded(source, **kwargs):
    options = {"cat_names": ["city", "flag"], "cont_names": ["age", "hours"], "y_names": "rich"} | kwargs
    dls = TabularDataLoaders.from_df(source, procs=PROCS, valid_idx=range(20), bs=8, **options)
    return dls, [part for loader in dls for part in loader.dataset.arrays()]


@pytest.fixture
def frame(columns):
    flag = pd.array([True, False, None, True] * 160, dtype="boolean")
    frame = pd.DataFrame(columns).assign(flag=flag)
    return frame.astype({"hours": "Int32"})


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_kind_of_table(frame, tmp_path):
    expected = encoded(frame)[1]
    arrow = pa.Table.from_pandas(frame)
    frame.to_parquet(tmp_path / "x.parquet")
    kinds = [
        frame.astype({"city": "category"}),
        frame.astype({"city": object}),
        frame.set_index(pd.Index(range(1000, 1640))),
        frame.convert_dtypes(dtype_backend="pyarrow"),
        pl.DataFrame(arrow),
        pl.DataFrame(arrow).with_columns(pl.col("city").cast(pl.Categorical)),
        pl.concat([pl.DataFrame(arrow)[:300], pl.DataFrame(arrow)[300:]], rechunk=False),
        arrow,
        pa.Table.from_batches(arrow.to_batches(max_chunksize=100)),
        {name: frame[name] for name in frame},
        tables.to_table(tmp_path / "x.parquet"),
    ]
    for kind in kinds:
        assert same(encoded(kind)[1], expected), type(kind)


def test_without_pyarrow(frame, monkeypatch):
    expected = encoded(frame)[1]
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    for kind in (frame, frame.astype({"city": "category"}), frame.astype({"city": object})):
        assert same(encoded(kind)[1], expected)


@pytest.mark.parametrize("pyarrow", [True, False])
def test_dates_that_are_not_used(columns, monkeypatch, pyarrow):
    """They keep neither a misspelt name from being told nor the columns from being split."""
    if not pyarrow:
        monkeypatch.setattr(tables, "find_spec", lambda name: None)
    frame = pd.DataFrame(columns).assign(saledate=pd.Timestamp(2020, 1, 1), day=datetime.date(2020, 1, 1))
    options = {"cat_names": ["city"], "cont_names": ["age"], "y_names": "rich", "procs": PROCS}
    for wrong in ({"cont_names": ["agee"]}, {"cont_names": ["agee"], "cat_names": None}, {"cont_names": None, "y_names": "agee"}):
        with pytest.raises(KeyError, match="there is no column `agee`; did you mean `age`[?] There are: age, hours, .*saledate"):
            TabularDataLoaders.from_df(frame, **options | wrong)
    assert TabularDataLoaders.from_df(frame, **options).cont_names == ["age"]
    for source in (frame, {name: frame[name] for name in frame}):
        assert cont_cat_split(source, dep_var="rich") == (["age", "hours"], ["city", "saledate", "day"])


def test_objects_of_several_types_are_text(columns):
    """As a file would have them, when other rows come too."""
    frame = pd.DataFrame(columns).assign(city=pd.Series([1, "a", None, 2.5] * 160, dtype=object))
    dls = TabularDataLoaders.from_df(frame, cat_names=["city"], cont_names=["age", "hours"], y_names="rich", procs=PROCS)
    assert dls.classes["city"] == ["#na#", "1", "2.5", "a"]
    codes = dls.test_dl({"city": [1, 2], "age": [1.0] * 2, "hours": [1] * 2}).xs["city"].tolist()
    assert codes == dls.test_dl({"city": ["1", "2"], "age": [1.0] * 2, "hours": [1] * 2}).xs["city"].tolist() == [1, 0]


def test_a_target_is_no_input(columns):
    with pytest.warns(UserWarning, match="column `hours`: is a target, so the model is not given it; take it out of"):
        dls = TabularDataLoaders.from_df(columns, cat_names=["city"], cont_names=["age", "hours"], y_names="hours", procs=PROCS)
    assert dls.x_names == ["city", "age_na", "age"]


def test_numpy_is_not_copied():
    array = np.arange(8, dtype=np.float64)
    column = tables._column("x", array)
    array[0] = 7
    kept = tables.Table.from_columns(["x", "y"], [column, tables._column("y", np.array([0, 1] * 4))])
    data = TabularPandas(kept, [], [], ["x"], "y", splits=([0, 1, 2, 3], [4, 5]))
    assert data._data.train.arrays()[1][0, 0] == 7
    assert sys.getrefcount(array) > 2


def test_odd_kinds_of_columns(columns):
    """What other libraries have beside plain numbers and text means the same."""
    n = len(columns["age"])
    frame = pd.DataFrame(columns).drop(columns="age").assign(x=np.arange(n) / 4)

    def of(source, x="x"):
        return encoded(source, cat_names=["city"], cont_names=[x, "hours"])[1]

    expected = of(frame)
    decimals = [decimal.Decimal(i) / 4 for i in range(n)]
    arrow = pa.Table.from_pandas(frame)
    for kind in (
        frame.assign(x=pd.Series(decimals, dtype=object)),
        frame.assign(x=frame["x"].astype(object)),
        frame.assign(x=frame["x"].astype("float16").astype("float32")),
        pl.DataFrame(frame).with_columns(pl.col("x").cast(pl.Decimal(10, 2))),
        arrow.set_column(arrow.column_names.index("x"), "x", pa.array(frame["x"].to_numpy().astype(np.float16))),
        arrow.to_reader(),
        {
            **{name: frame[name].to_numpy() for name in ("x", "hours")},
            "city": string_array(frame["city"]),
            "rich": frame["rich"],
        },
        pd.concat([frame.assign(other=1), frame[["hours"]].rename(columns={"hours": "other"})], axis=1),
        pl.DataFrame(frame).with_columns(nothing=pl.lit(None)),
    ):
        rows = [part[:200] for part in of(kind)]
        assert all(np.allclose(a, b, rtol=1e-3) for a, b in zip(rows, [part[:200] for part in expected], strict=True))
    with pytest.raises(ValueError, match="column `x`: .* not supported"):
        of(pl.DataFrame(frame).with_columns(pl.col("hours").cast(pl.Int128).alias("x")))
    with pytest.raises(ValueError, match="column `hours`: there are two columns with this name"):
        of(pd.concat([frame, frame[["hours"]]], axis=1))


def string_array(values):
    """Text of numpy's own kind."""
    return np.array(values.tolist(), dtype=np.dtypes.StringDType())


MEMORY = """
import gc
import numpy as np, pandas as pd, polars as pl, pyarrow as pa
from highmark.tables import to_table

def resident():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * 4096

n = 3_000_000
x, whole = np.linspace(0, 1, n), np.arange(n)
holes = np.where(whole % 7 == 0, np.nan, x)
text = pa.array(['Bergen by the sea', 'Oslo in the east', 'Narvik far up north'] * (n // 3), pa.large_string())
codes = pd.Categorical.from_codes(whole % 3, ['a', 'b', 'c'])
sources = {
    'numpy': {'a': x, 'b': whole},
    'pandas': pd.DataFrame({'a': x, 'b': holes, 'c': whole, 'd': codes}),
    'pandas, one block': pd.DataFrame(np.stack([x, x], axis=1), columns=['a', 'b']),
    'pandas, some columns': pd.DataFrame({'a': x, 'b': whole, 'c': x, 'd': whole}),
    'pandas, nullable': pd.DataFrame({'a': pd.array(whole, dtype='Int64'), 'b': pd.array(x, dtype='Float64')}),
    'pandas, text': pd.DataFrame({'a': pd.Series(text.to_pandas(), dtype='str')}),
    'pandas, of Arrow': pa.table({'a': x, 'b': text}).to_pandas(types_mapper=pd.ArrowDtype),
    'polars': pl.DataFrame({'a': x, 'b': whole}),
    'polars, text': pl.DataFrame({'a': pl.from_arrow(text)}),
    'polars, categories': pl.DataFrame({'a': pl.from_arrow(text).cast(pl.Categorical)}),
    'pyarrow': pa.table({'a': x, 'b': whole, 'c': text}),
    'text in two pieces': pa.table({'a': pa.chunked_array([text[: n // 2], text[n // 2 :]])}),
}
for source in sources.values():
    to_table(source[:3] if hasattr(source, 'iloc') else source.slice(0, 3) if hasattr(source, 'slice') else source)
for name, source in sources.items():
    gc.collect()
    before = resident()
    table = to_table(source, {'a', 'b', 'c', 'd'} - ({'c', 'd'} if 'some' in name else set()))
    print(name, (resident() - before) // 1000, sep=': ')
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the kernel of Linux")
def test_what_fits_is_not_copied():
    def grown():
        done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
        return {name: int(number) for name, number in (line.split(": ") for line in done.stdout.splitlines())}

    # pyarrow's threads give memory back when they come to it, so the least of some measurements counts.
    measured = [grown() for _ in range(3)]
    # What is a copy by design shows in the largest: memory that was given back late makes it look small.
    pieces = max(each.pop("text in two pieces") for each in measured)
    kilobytes = {name: min(each[name] for each in measured) for name in measured[0]}
    # A column has 24 MB or more. Marks of missing values are new, at a bit a row, and pyarrow starts threads.
    codes = kilobytes.pop("polars, categories")
    assert codes < 16_000, "polars copies codes, of 12 MB"
    assert len(kilobytes) == 10 and max(kilobytes.values()) < 10_000, kilobytes
    assert pieces > 50_000


def test_numbers_of_all_widths():
    for dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"):
        source = {"x": np.arange(8).astype(dtype)[::-1], "y": np.array(["a", "b"] * 4)}
        data = TabularPandas(source, [], [], ["x"], "y", splits=([0, 1, 2, 3], [4, 5]))
        assert data._data.train.arrays()[1][:, 0].tolist() == [7, 6, 5, 4], dtype


def test_attributes_of_loaders(frame, capsys):
    dls, _ = encoded(frame)
    assert dls.vocab == ["no", "yes"] and dls.c == 2
    assert dls.cat_names == ["city", "flag", "age_na"] and dls.cont_names == ["age", "hours"]
    assert dls.classes["city"] == ["#na#", "Bergen", "Oslo", "Tromsø"]
    assert dls.classes["flag"] == ["#na#", False, True] == dls.classes["age_na"]
    assert (len(dls.train), len(dls.valid), dls.bs, dls.train.n, dls.valid.n) == (620 // 8, 3, 8, 620, 20)
    cats, conts, y = dls.one_batch()
    assert (cats.shape, conts.shape, y.shape) == ((8, 3), (8, 2), (8, 1))
    assert sum(len(batch[0]) for batch in dls.valid) == 20
    dls.show_batch(max_n=3)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["city", "flag", "age_na", "age", "hours", "rich"] and len(shown) == 4
    assert dls.na_dict.keys() == {"age"} and len(dls.procs) == 4
    assert "620 rows to train on" in repr(dls) and "<table" in dls._repr_html_()


def test_other_rows(frame):
    dls, _ = encoded(frame)
    rows = dls.test_dl({"city": ["Oslo", "Narvik"], "age": [40.0, None], "hours": [None, 3], "flag": [True, None]})
    cats, _, targets = rows.dataset.arrays()
    assert cats.tolist() == [[2, 2, 1], [0, 0, 2]] and targets is None
    assert any("`Narvik`" in line for line in rows.drift) and any("hours" in line for line in rows.drift)


def test_splitters():
    train, valid = RandomSplitter(0.25, seed=1)(range(100))
    assert len(valid) == 25 and sorted([*train, *valid]) == list(range(100))
    assert np.array_equal(RandomSplitter(seed=1)(range(50))[1], RandomSplitter(seed=1)(range(50))[1])
    assert [list(part) for part in IndexSplitter([1, 3])(range(5))] == [[0, 2, 4], [1, 3]]
    assert [list(part) for part in EndSplitter(0.4)(range(5))] == [[0, 1, 2], [3, 4]]
    assert list(EndSplitter(0.4, valid_last=False)(range(5))[1]) == [0, 1]
    classes = np.array([0] * 80 + [1] * 20)
    assert classes[TrainTestSplitter(0.2, 7, stratify=classes)(range(100))[1]].sum() == 4
    assert list(TrainTestSplitter(0.2, shuffle=False)(range(10))[1]) == [8, 9]


def test_the_rows_keep_the_order_of_the_split(frame):
    to = TabularPandas(frame, PROCS, ["city"], ["hours"], "rich", splits=([5, 3, 9], [7, 2]))
    hours = [int(frame["hours"][i]) for i in (7, 2)]
    assert [round(x) for x in to.dataloaders(bs=2).valid.decoded([0, 1])["hours"]] == hours
    assert (len(to), to.split) == (5, 3)


def test_targets(frame):
    def of(target, block=None, **kwargs):
        columns = {"label": [0, 1] * 320, "other": [1, 0] * 320, "value": np.arange(640.0), **kwargs}
        source = frame.assign(**columns)
        return TabularDataLoaders.from_df(
            source, procs=PROCS, cat_names=["city"], cont_names=["hours"], y_names=target, y_block=block
        )

    assert of("label").vocab == [0, 1]
    assert of("label", RegressionBlock)._info.task == "regression"
    floats = of("value", value=[0.0, 1.0] * 320)
    assert (floats.vocab, floats.c) == ([0, 1], 2)
    assert of("value", RegressionBlock, value=[0.0, 1.0] * 320)._info.task == "regression"
    assert of("hours_", CategoryBlock(), hours_=np.arange(640) % 3).vocab == [0, 1, 2]
    assert (of("value").c, of(["value", "hours"][:1]).vocab) == (1, [])
    labels = of(["label", "other"], MultiCategoryBlock(encoded=True, vocab=["label", "other"]))
    assert (labels._info.task, labels.vocab, labels.c) == ("multi-label", ["label", "other"], 2)
    learn = tabular_learner(labels, layers=[4])
    assert learn.loss_func.name == "bce" and learn.get_preds(with_decoded=True)[2].shape == (128, 2)
    assert tabular_learner(of("value"), y_range=(0, 640)).get_preds()[0].max() <= 640


def test_procs(frame):
    fill = FillMissing(FillStrategy.constant, add_col=False, fill_vals=-1)
    to = TabularPandas(frame, [fill], [], ["age"], "rich", splits=IndexSplitter([0, 1])(frame))
    assert to.cat_names == [] and to.na_dict == {"age": -1.0}
    assert "age" in repr(TabularPandas(frame, PROCS, ["city"], ["age"], "rich", splits=(range(2, 50), [1])).means)


def test_columns_are_found(frame):
    assert cont_cat_split(frame, 20, "rich") == (["age", "hours"], ["city", "flag"])
    dls = TabularDataLoaders.from_df(frame, procs=PROCS, y_names="rich")
    assert dls.cont_names == ["age", "hours"] and dls.cat_names == ["city", "flag", "age_na"]


def test_the_sample(tmp_path):
    folder = untar_data(URLs.ADULT_SAMPLE, tmp_path)
    assert folder == tmp_path / "adult_sample" and len(pd.read_csv(folder / "adult.csv")) == 32561
    dls = TabularDataLoaders.from_csv(
        folder / "adult.csv",
        path=folder,
        procs=PROCS,
        cat_names=["workclass"],
        cont_names=["age"],
        y_names="salary",
        valid_idx=range(1024, 1260),
    )
    assert dls.classes["workclass"][1] == "?" and dls.vocab == ["<50k", ">=50k"] and dls.valid.n == 236
    assert range_of([3, 4]) == [0, 1]


def test_dates():
    frame = pd.DataFrame({"saledate": pd.to_datetime(["2019-12-04", None, "2019-11-15", "2020-01-01"])})
    frame = add_datepart(frame, "saledate")
    assert frame.columns.tolist() == [
        *("saleYear", "saleMonth", "saleWeek", "saleDay", "saleDayofweek", "saleDayofyear", "saleIs_month_end"),
        *("saleIs_month_start", "saleIs_quarter_end", "saleIs_quarter_start", "saleIs_year_end", "saleIs_year_start"),
        "saleElapsed",
    ]
    assert frame["saleElapsed"].tolist()[0] == 1575417600 and np.isnan(frame["saleElapsed"][1])
    assert frame["saleWeek"].tolist()[0] == 49 and frame["saleIs_year_start"].tolist()[3]


def test_dates_are_no_numbers(tmp_path):
    """Nor are they taken for any without a word: of a table they are refused, of a file they are told of."""
    start = datetime.datetime(2020, 1, 1)
    times = [start + datetime.timedelta(hours=row**2) for row in range(40)]
    columns = {"x": np.arange(40) ** 1.5, "y": ["a", "b"] * 20}

    def loaders(source):
        return TabularDataLoaders.from_df(source, cat_names=[], cont_names=["when", "x"], y_names="y", procs=PROCS)

    frame = pd.DataFrame({"when": times, **columns})
    sources = [
        frame,
        frame.assign(when=[time.date() for time in times]),
        pl.DataFrame({"when": times, **columns}),
        pa.table({"when": [time.date() for time in times], **columns}),
        {"when": np.array(times, dtype="datetime64[s]"), **columns},
        {"when": np.array(times, dtype=object), **columns},
    ]
    for source in sources:
        with pytest.raises((ValueError, TypeError), match="column `when`: .* not supported; .*add_datepart"):
            loaders(source)
    for source in (frame.assign(when=frame["when"] - start), {"when": np.array(times) - start, **columns}):
        with pytest.raises((ValueError, TypeError), match="column `when`: .* not supported; convert it to numbers.* seconds"):
            loaders(source)
    frame.to_parquet(tmp_path / "when.parquet")
    with pytest.warns(UserWarning, match="column `when`: holds dates, which are taken as whole numbers"):
        dls = TabularDataLoaders.from_csv(tmp_path / "when.parquet", y_names="y", procs=PROCS)
    assert dls.cont_names == ["when", "x"]
    frame.to_csv(tmp_path / "when.csv", index=False)
    with pytest.warns(UserWarning, match="column `when`: looks like dates"):
        TabularDataLoaders.from_csv(tmp_path / "when.csv", y_names="y", procs=PROCS)


ALONE = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('pandas', 'polars', 'pyarrow', 'matplotlib', 'IPython', 'sklearn'):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
from highmark.tabular.all import *
assert not {'pandas', 'pyarrow', 'matplotlib'} & set(sys.modules)
path = untar_data(URLs.ADULT_SAMPLE, sys.argv[1])
dls = TabularDataLoaders.from_csv(path/'adult.csv', path=path, procs=[Categorify, FillMissing, Normalize],
    cat_names=['workclass'], cont_names=['age'], y_names='salary')
learn = tabular_learner(dls, layers=[4], metrics=accuracy)
learn.fit(1)
dls.show_batch()
print(learn.validate()[1] > 0.7)
"""


def test_a_value_that_swamps_its_column_is_told():
    x = np.arange(400.0) % 37
    x[99] = 1e30
    splits = IndexSplitter(range(300, 400))(range(400))
    with pytest.warns(UserWarning, match="column `x`: 1e30 in data row 100 is so far"):
        TabularPandas({"x": x, "y": np.arange(400) % 2}, procs=[Normalize], y_names="y", splits=splits)


def test_numpy_is_all_it_needs(tmp_path):
    done = subprocess.run([sys.executable, "-c", ALONE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "True", done.stderr


def test_the_command(tmp_path):
    import os

    command = os.path.join(os.path.dirname(sys.executable), "highmark")
    done = subprocess.run([command, "show", "adult"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "32,561 rows" in done.stdout
    failed = subprocess.run([command, "show", "none.csv"], capture_output=True, text=True, check=False)
    assert failed.returncode == 1 and "none.csv" in failed.stderr


def test_too_few_rows_are_told(columns):
    wide = {f"x{i}": np.cos(np.arange(40.0) * (i + 1)) for i in range(30)} | {"y": columns["rich"][:40]}
    for valid, told in (
        (range(11), "30 columns to predict from are more than the 29 rows to train on"),
        (range(9), "9 rows to validate on are few"),
    ):
        with pytest.warns(UserWarning, match=told) as caught:
            TabularDataLoaders.from_df(wide, procs=[Normalize], y_names="y", valid_idx=valid)
        assert [w.filename for w in caught] == [__file__]
