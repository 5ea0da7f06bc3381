"""Rows are found again: by their index, in splits of any kind, in loaders, and on the screen."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from highmark.tabular.all import (
    Categorify,
    DataLoader,
    DataLoaders,
    FillMissing,
    Normalize,
    TabularDataLoaders,
    TabularPandas,
    set_seed,
    tabular_learner,
)

PROCS = [Categorify, FillMissing, Normalize]


@pytest.fixture
def frame(columns):
    return pd.DataFrame(columns).set_axis([f"row {i}" for i in range(640)])


def tabular(frame, splits, **kwargs):
    return TabularPandas(frame, PROCS, ["city"], ["age", "hours"], "rich", splits=splits, **kwargs)


def test_the_index_of_the_frame_is_kept(frame):
    train, valid = [5, 3, 9, 3, 0], [7, 2]
    to = tabular(frame, (train, valid))
    for part, rows in [(to, train + valid), (to.train, train), (to.valid, valid)]:
        for one in (part.xs, part.ys, part.y, part.cats, part.conts, part.items):
            assert one.index.equals(frame.index[rows])
    assert frame.loc[to.valid.xs.index].equals(frame.iloc[valid])
    assert to.loc["row 7"]["city"] == to.iloc[5]["city"] and to["city"].equals(to.items["city"])
    assert to.new(frame[10:13]).xs.index.tolist() == ["row 10", "row 11", "row 12"]
    polars = tabular(pl.from_pandas(frame), (train, valid))
    assert polars.xs.index.tolist() == train + valid, "a table without an index has the numbers of its rows"
    assert polars.new(pl.from_pandas(frame[10:13])).xs.index.tolist() == [0, 1, 2]


def test_another_table_validates(frame):
    train, other = frame[:600], frame[600:]
    to = tabular(train, None, valid_df=other)
    both = tabular(frame, (range(600), range(600, 640)))
    assert (len(to), len(to.train), len(to.valid), to.split) == (640, 600, 40, 600)
    for ours, theirs in ((to, both), (to.train, both.train), (to.valid, both.valid)):
        pd.testing.assert_frame_equal(ours.items, theirs.items)
    assert tabular(train, None, valid_df=other.reset_index(drop=True)).valid.xs.index.tolist() == list(range(40))
    assert tabular(train, None, valid_df=other.assign(hours=other["hours"] + 1e5)).drift != to.drift == []
    with pytest.raises(ValueError, match="splits, valid_df: .* from the one or from the other"):
        tabular(train, ([0], [1]), valid_df=other)
    with pytest.raises(ValueError, match="`city`"):
        tabular(train, None, valid_df=other[["age", "hours", "rich"]])


def test_codes_are_signed(frame):
    frame["many"] = [f"{i % 160:03}" for i in range(640)]
    to = TabularPandas(frame, PROCS, ["city", "many"], ["hours"], "rich", splits=(list(range(600)), list(range(600, 640))))
    assert to.cats.dtypes.tolist() == [np.int8, np.int16] and to.cats["many"].max() == 160
    assert to.dataloaders(bs=64).one_batch()[0].dtype == np.int64


def test_rows_may_repeat_and_be_on_both_sides(frame):
    told = "all 100 validation rows are trained on too, so what validation says does not hold for other rows"
    with pytest.warns(UserWarning, match=told):
        to = tabular(frame, (list(range(640)), list(range(540, 640))))
    assert (len(to), len(to.train), len(to.valid)) == (740, 640, 100)
    with pytest.warns(UserWarning, match="1 of the 2 validation rows are trained on too"):
        tabular(frame, (list(range(10)), [9, 10]))
    # Rows that repeat weigh more, in the means too.
    to = tabular(frame, ([1, 2, 2, 2], [7, 7]))
    assert to.means["hours"] == pytest.approx(frame["hours"].iloc[[1, 2, 2, 2]].mean())
    learn = tabular_learner(tabular(frame, ([*range(500), *range(100)], range(500, 640))).dataloaders(64), layers=[4])
    learn.fit(1)
    assert len(learn.dls.train) == 600 // 64


def test_parts_have_fastais_names(frame):
    dls = TabularDataLoaders.from_df(frame, procs=PROCS, cat_names=["city"], cont_names=["hours"], y_names="rich", bs=32)
    to = tabular(frame, (list(range(600)), list(range(600, 640))))
    for part in (to.train, to.valid, to.new(frame)):
        assert (part.cat_names, part.y_names, part.vocab) == (to.cat_names, ["rich"], ["no", "yes"])
        assert part.cont_names == ["age", "hours"] and part.classes == to.classes
    assert dls.train.xs.equals(dls.train_ds.xs) and dls.dataset is dls.train_ds and dls.valid.y.equals(dls.valid_ds.y)
    assert (dls.n, dls.train.items.shape, dls.train.shuffle, dls.valid.shuffle) == (512, (512, 3), True, False)
    assert "city" in list(to) and "640 rows" in repr(to)
    for owner in (dls, dls.train):
        with pytest.raises(AttributeError, match=f"{type(owner).__name__} has no attribute `nothing`"):
            owner.nothing  # noqa: B018


def test_rows_to_predict(frame):
    to = tabular(frame, (list(range(600)), list(range(600, 640))))
    dls = to.dataloaders(bs=32)
    learn = tabular_learner(dls, layers=[4])
    later = to.new(frame[:50].drop(columns="rich"))
    later.process()
    loader = dls.valid.new(later)
    expected = learn.get_preds(dl=dls.test_dl(frame[:50]))[0]
    assert np.array_equal(learn.get_preds(dl=loader)[0], expected) and len(loader) == 2
    assert loader.xs.equals(later.xs) and dls.test_dl(frame[:50]).xs.equals(later.xs)
    assert len(dls.valid.new(later, bs=10)) == 5 and len(DataLoader(later)) == 1
    others = later.dataloaders(bs=20)
    assert (len(others.train), others.train.n, others.valid.n, len(list(others.valid))) == (2, 50, 0, 0)
    assert np.array_equal(learn.get_preds(dl=others.train)[0], expected)
    with pytest.raises(ValueError, match="these loaders are of rows to predict"):
        tabular_learner(others)
    with pytest.raises(ValueError, match="these rows have no targets"):
        later.ys  # noqa: B018
    with pytest.raises(TypeError, match="loaders are made of a table, by to.dataloaders"):
        DataLoaders(dls.train, dls.valid)
    with pytest.raises(TypeError, match="dataset: encoded rows are needed"):
        dls.valid.new(frame)


def test_each_iteration_has_its_own_order(frame, capsys):
    def hours(loader):
        return [float(x) for batch in loader for x in batch[1][:, 1]]

    set_seed(3)
    dls = tabular(frame, (list(range(600)), list(range(600, 640)))).dataloaders(bs=50)
    learn = tabular_learner(dls, layers=[4])
    learn.fit(1)
    first, second = hours(dls.train), hours(dls.train)
    assert first != second and sorted(first) == sorted(second) == sorted(dls.train.conts["hours"])
    assert not np.array_equal(dls.one_batch()[1], dls.one_batch()[1])
    assert hours(dls.valid) == hours(dls.valid) == dls.valid.conts["hours"].tolist()
    again = tabular(frame, (list(range(600)), list(range(600, 640)))).dataloaders(bs=50)
    assert hours(again.train) == first, "the same seed, the same orders"
    other = tabular_learner(again, layers=[4])
    other.fit(1)
    assert np.array_equal(other.get_preds()[0], learn.get_preds()[0]), "looking changes no fit"
    dls.show_batch(max_n=3)
    dls.show_batch(max_n=3)
    shown = capsys.readouterr().out.splitlines()[-8:]
    assert len(shown) == 8 and shown[1:4] != shown[5:8]
    still = tabular(frame, (list(range(600)), list(range(600, 640)))).dataloaders(bs=50, shuffle=False)
    assert hours(still.train) == hours(still.train) == still.train.conts["hours"].tolist()


def test_items_are_to_look_at(frame, tmp_path):
    dls = tabular(frame, (list(range(600)), list(range(600, 640)))).dataloaders(bs=50)
    loader = dls.test_dl(frame)
    # As code for the importance of columns does in fastai; a change that nobody sees would make all of them unimportant.
    with pytest.raises(
        TypeError, match=r"items\['city'\] = ...: encoded rows do not change. Change the table and encode it"
    ):
        loader.items["city"] = loader.items["city"].to_numpy()[::-1]
    own = loader.items.copy()
    own["city"] = 0
    assert type(own) is type(loader.items[["city"]]) is pd.DataFrame
    loader.items.to_parquet(tmp_path / "items.parquet")
    assert pd.read_parquet(tmp_path / "items.parquet").equals(pd.DataFrame(loader.items))


def test_copies_and_pickles(frame):
    to = tabular(frame, (list(range(600)), list(range(600, 640))))
    dls = to.dataloaders(bs=50)
    for one in (to, to.train, dls, dls.train):
        with pytest.raises(TypeError, match="are not pickled. Keep the table itself .* learn.export keeps the preparation"):
            pickle.dumps(one)
    other = copy.deepcopy(dls)
    other.train.bs = 7
    assert dls.train.bs == 50 and other.train.xs.equals(dls.train.xs)
    assert copy.copy(to).xs.equals(to.xs) and to.copy().vocab == to.vocab


def test_decoded_numbers_are_rounded_to_what_is_known(frame, capsys):
    frame["parch"] = np.arange(640) % 3
    frame["seconds"] = 1_600_000_000 + 1000 * np.arange(640)
    frame["small"] = np.arange(640) * 1e-4
    names = ["parch", "seconds", "small"]
    to = TabularPandas(frame, PROCS, [], names, "rich", splits=(list(range(600)), list(range(600, 640))))
    to.show(4)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["0", "1", "2", "0"]
    shown = to.dataloaders(bs=8).valid.decoded(range(40))
    assert shown["parch"] == frame["parch"].iloc[600:].tolist()
    assert np.allclose(shown["seconds"], frame["seconds"].iloc[600:], rtol=0, atol=1)
    assert np.allclose(shown["small"], frame["small"].iloc[600:], rtol=1e-5, atol=0)
    plain = TabularPandas(frame, [], [], ["small"], "rich", splits=(list(range(600)), list(range(600, 640))))
    assert plain.dataloaders(bs=8).valid.decoded([1])["small"] == [float(np.float32(601e-4))]
