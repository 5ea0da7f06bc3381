"""Categories and classes keep the order that a column or the user gives them; fastai 2.8 says what is expected."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from highmark import tables
from highmark.tabular.all import (
    Categorify,
    CategoryBlock,
    FillMissing,
    MultiCategoryBlock,
    Normalize,
    RegressionBlock,
    TabularDataLoaders,
    TabularPandas,
    load_learner,
    set_seed,
    tabular_learner,
)

PROCS = [Categorify, FillMissing, Normalize]
SIZES = ["XL", "L", "M", "S"]
SPLITS = (list(range(80)), list(range(80, 120)))


@pytest.fixture
def frame():
    size = pd.Categorical(["S", "M", "L", "S", "M", "L"] * 20, categories=SIZES, ordered=True)
    x = np.arange(120.0)
    return pd.DataFrame({"size": size, "x": x, "a": [0, 1] * 60, "b": [0, 1, 1] * 40, "y": x % 2})


def classes_of(source, name="size"):
    to = TabularPandas(source, PROCS, [name], ["x"], "y", splits=SPLITS)
    return to.classes[name], to


def test_categoricals_of_pandas(frame, monkeypatch):
    for pyarrow in (True, False):
        if not pyarrow:
            monkeypatch.setattr(tables, "find_spec", lambda name: None)
        found, to = classes_of(frame)
        assert found == ["#na#", *SIZES]
        assert to.train.xs["size"].tolist()[:3] == [4, 3, 2] and to.train.xs["size"].dtype == np.int8
        assert classes_of(frame.assign(size=frame["size"].cat.as_unordered()))[0] == ["#na#", *SIZES]
        numbers = pd.Categorical([3, 1, 2] * 40, categories=[3, 2, 1, 9])
        assert classes_of(frame.assign(g=numbers), "g")[0] == ["#na#", 3, 2, 1, 9]
        assert classes_of({"size": frame["size"], "x": frame["x"], "y": frame["y"]})[0] == ["#na#", *SIZES]
        assert classes_of(frame.assign(size=frame["size"].astype(str)))[0] == ["#na#", "L", "M", "S"]
    # Missing values and values that are no category have code 0, before and after.
    later = to.new(pd.DataFrame({"size": ["S", None, "huge"], "x": [1.0, 2.0, 3.0]}))
    assert later.cats["size"].tolist() == [4, 0, 0]


def test_dictionaries_of_arrow_and_polars(frame, tmp_path):
    text = frame["size"].astype(str)
    for kind, levels in [(pl.Enum(SIZES), SIZES), (pl.Categorical(), ["L", "M", "S"])]:
        source = pl.DataFrame(
            {"size": pl.Series(text.tolist(), dtype=kind), "x": frame["x"].to_numpy(), "y": frame["y"].to_numpy()}
        )
        assert classes_of(source)[0] == ["#na#", *levels]
    keys = pa.array([SIZES.index(size) for size in text], pa.int8())
    for ordered in (True, False):
        size = pa.DictionaryArray.from_arrays(keys, SIZES, ordered=ordered)
        source = pa.table({"size": size, "x": frame["x"], "y": frame["y"]})
        assert classes_of(source)[0] == ["#na#", *(SIZES if ordered else ["L", "M", "S"])]
        pieces = pa.concat_tables([source[:50], source[50:]])
        assert classes_of(pieces)[0] == classes_of(source)[0]
    # Files have text.
    frame.to_parquet(tmp_path / "x.parquet")
    assert classes_of(tmp_path / "x.parquet")[0] == ["#na#", "L", "M", "S"]


def test_classes_of_a_categorical_target(frame, tmp_path):
    frame["grade"] = pd.Categorical(["low", "high", "mid", "low"] * 30, categories=["low", "mid", "high", "top"], ordered=True)
    dls = TabularDataLoaders.from_df(frame, procs=PROCS, cat_names=["size"], cont_names=["x"], y_names="grade", bs=16)
    assert dls.vocab == ["low", "mid", "high"] and dls.c == 3, "without classes that no row has"
    learn = tabular_learner(dls, layers=[4], path=tmp_path)
    learn.fit(1)
    targets = learn.get_preds(dl=dls.test_dl(frame[:3]))[1]
    assert targets[:, 0].tolist() == [0, 2, 1]
    learn.export()
    loaded = load_learner(tmp_path / "export.pkl")
    assert loaded.dls.vocab == dls.vocab and loaded.dls.classes == dls.classes
    assert np.array_equal(loaded.predict(frame.iloc[0])[2], learn.predict(frame.iloc[0])[2])


def test_given_classes(frame):
    frame["grade"] = ["low", "high", "low"] * 40

    def vocab(*args, **kwargs):
        block = CategoryBlock(*args, **kwargs)
        return TabularPandas(frame, PROCS, ["size"], ["x"], "grade", block, SPLITS).vocab

    # A class that no row has is one all the same.
    assert vocab(vocab=["low", "mid", "high"], sort=False) == ["low", "mid", "high"]
    assert vocab(["low", "mid", "high"]) == ["high", "low", "mid"], "sorted by default, as in fastai"
    assert vocab(pd.Series(pd.Categorical(["low"], ["low", "mid", "high"]))) == ["low", "mid", "high"]
    assert vocab(add_na=True) == vocab() == ["high", "low"]
    with pytest.raises(ValueError, match="column `grade`: `high` is not among the classes that were given: low, mid"):
        vocab(["low", "mid"])
    with pytest.raises(ValueError, match="add_na would add a class for rows without a class"):
        vocab(["low", "high"], add_na=True)
    with pytest.raises(TypeError, match="classes are text, numbers or truth values, not nan"):
        vocab(["low", float("nan")])
    with pytest.raises(TypeError, match="vocab: its classes are of several types, which have no order; give sort=False"):
        vocab(["low", 1])
    block = CategoryBlock(vocab=np.array([1, 0]), sort=False)
    to = TabularPandas(frame, PROCS, ["size"], ["x"], "a", block, SPLITS)
    assert to.vocab == [1, 0] and to.train.y.tolist()[:2] == [1, 0]


def test_names_of_labels_and_outputs(frame):
    def data(block, targets):
        return TabularPandas(frame, PROCS, ["size"], ["x"], targets, block, SPLITS)

    to = data(MultiCategoryBlock(encoded=True, vocab=["A", "B"]), ["a", "b"])
    assert (to.vocab, to.y_names, to.ys.columns.tolist()) == (["A", "B"], ["a", "b"], ["a", "b"])
    assert data(MultiCategoryBlock(encoded=True), ["a", "b"]).vocab == ["a", "b"]
    with pytest.raises(ValueError, match="1 name for 2 labels"):
        data(MultiCategoryBlock(vocab=["A"]), ["a", "b"])
    assert data(RegressionBlock(n_out=2), ["a", "b"]).c == 2
    with pytest.raises(ValueError, match="RegressionBlock: n_out is 2, but there is 1 target column"):
        data(RegressionBlock(n_out=2), "y")


def test_intervals_of_cut(frame, monkeypatch):
    frame["band"] = pd.cut(frame["x"], [-1, 5, 50, 119, 200])
    levels = ["#na#", "(-1, 5]", "(5, 50]", "(50, 119]", "(119, 200]"]
    found, to = classes_of(frame, "band")
    assert found == levels and to.train.cats["band"].tolist() == [1] * 6 + [2] * 45 + [3] * 29
    assert isinstance(frame["band"].dtype.categories.dtype, pd.IntervalDtype), "the frame is as it was"
    learn = tabular_learner(to.dataloaders(bs=16), layers=[4])
    assert learn.predict(frame.iloc[7])[0]["band"] == "(5, 50]"
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    assert classes_of(frame, "band")[0] == levels


def test_whole_numbers_as_names():
    set_seed(1)
    table = pd.DataFrame(np.random.rand(100, 4))
    table["y"] = table[0] * 2
    dls = TabularDataLoaders.from_df(table, procs=PROCS, cont_names=[0, 1, 2, np.int64(3)], y_names="y", bs=16)
    assert dls.cont_names == ["0", "1", "2", "3"]
    learn = tabular_learner(dls, layers=[4])
    assert set(learn.predict(table.iloc[0])[0]) == {"0", "1", "2", "3", "y"}
    assert len(learn.get_preds(dl=dls.test_dl(table[[3, 2, 1, 0]]))[0]) == 100
    one = TabularPandas(pd.DataFrame(np.random.rand(9, 2)), [Normalize], cont_names=[0], y_names=1, splits=([0, 1, 2], [3]))
    assert one.y_names == ["1"] and one.xs.columns.tolist() == ["0"]
    by_number = {0: np.arange(4.0), "y": [0, 1, 0, 1]}
    assert TabularPandas(by_number, [Normalize], [], [0], "y", splits=([0, 1], [2])).cont_names == ["0"]
    with pytest.raises(ValueError, match="there are two columns with this name"):
        TabularPandas(pd.DataFrame({0: [1.0] * 4, "0": [2.0] * 4, "y": [0, 1] * 2}), [], [], ["0"], "y", splits=([0, 1], [2]))
    with pytest.raises(TypeError, match=r"cont_names: column names must be text or whole numbers, but there is 0\.5"):
        TabularPandas(table, PROCS, [], [0.5], "y", splits=([0, 1], [2]))
