"""Rows are found again: by their index, in splits of any kind, in loaders, and on the screen."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from highmark.tabular.all import (
    Categorify,
    CategoryBlock,
    DataLoader,
    DataLoaders,
    FillMissing,
    MultiCategoryBlock,
    Normalize,
    RegressionBlock,
    TabularDataLoaders,
    TabularPandas,
    accuracy,
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


def test_what_is_written_into_items_counts(frame, tmp_path):
    """As code for the importance of columns does it in fastai."""
    dls = tabular(frame, (list(range(600)), list(range(600, 640)))).dataloaders(bs=50)
    learn = tabular_learner(dls, [8], metrics=accuracy)
    learn.fit(2)
    loader = dls.test_dl(frame)
    base, rows = learn.validate(dl=loader), loader.xs
    turned = rows["city"].to_numpy()[::-1]

    def by_name(items):
        items["city"] = turned

    def by_loc(items):
        items.loc[:, "city"] = turned

    def by_iloc(items):
        items.iloc[:, 0] = turned

    for write in (by_name, by_loc, by_iloc):
        write(loader.items)
        scores = learn.validate(dl=loader)
        assert scores != base and (loader.xs["city"] == turned).all() and loader.conts.equals(rows[["age", "hours"]])
        assert np.array_equal(learn.get_preds(dl=loader)[1], dls.test_dl(frame).rows.targets())
        loader.items["city"] = rows["city"].to_numpy()
        assert learn.validate(dl=loader) == base and loader.xs.equals(rows), "to the same bits"
    loader.items["city"] = turned
    assert np.array_equal(loader.new().one_batch()[0][:, 0], turned[:50])
    again = frame.assign(city=[loader.classes["city"][code] for code in turned])
    assert np.array_equal(learn.get_preds(dl=loader)[0], learn.get_preds(dl=dls.test_dl(again))[0])

    loader.items = loader.items.drop(index=frame.index[:40])
    assert (loader.n, len(loader), loader.xs.index[0]) == (600, 12, frame.index[40])
    loader.items["age"] *= 2.0
    loader.items["new"] = 1
    assert np.array_equal(loader.conts["age"], rows["age"][40:] * 2) and list(loader.xs) == dls.x_names
    loader.items.to_parquet(tmp_path / "items.parquet")
    assert pd.read_parquet(tmp_path / "items.parquet").equals(loader.items)

    for name, value, error in [
        ("city", 9, "the codes of column `city` are whole numbers from 0 to 3"),
        ("city", 0.5, "whole numbers"),
        ("age", np.nan, "column `age` has values that are missing"),
        ("hours", "many", "column `hours` holds encoded rows, which are numbers"),
    ]:
        loader = dls.test_dl(frame)
        loader.items[name] = value
        with pytest.raises((ValueError, TypeError), match=error):
            learn.validate(dl=loader)


def test_rows_to_validate_on_can_be_written(frame):
    dls = tabular(frame, (list(range(500)), list(range(500, 640)))).dataloaders(bs=50)
    learn = tabular_learner(dls, [8], metrics=accuracy)
    learn.fit(2)
    base, own = learn.validate(), dls.valid.items["hours"].copy()
    dls[1].items["hours"] = -own
    assert learn.validate() == learn.validate(dl=dls[1]) != base
    for act in (lambda: learn.fit(1), lambda: learn.lr_find()):
        with pytest.raises(ValueError, match="dls.valid: its items were changed"):
            act()
    dls.valid.items["hours"] = own
    assert learn.validate() == base and learn.fit(1).completed


@pytest.mark.parametrize("task", ["regression", "labels", "three"])
def test_targets_are_written_too(frame, task):
    hours = frame["hours"]
    targets = {
        "regression": {"rich": hours / 7},
        "labels": {"rich": frame["rich"] == "yes", "late": hours > 30},
        "three": {"rich": hours % 3},
    }[task]
    block = {"regression": RegressionBlock, "labels": MultiCategoryBlock, "three": CategoryBlock}[task]
    dls = TabularDataLoaders.from_df(
        frame.assign(**targets), procs=PROCS, cat_names=["city"], cont_names=["age"], y_names=list(targets), y_block=block()
    )
    loader = dls.test_dl(frame.assign(**targets))
    before = loader.rows.arrays()
    loader.items["rich"] = loader.items["rich"].to_numpy()[::-1]
    after = loader.rows.arrays()
    assert np.array_equal(before[2][::-1, 0], after[2][:, 0]) and before[2].dtype == after[2].dtype
    assert all(np.array_equal(one, other) for one, other in zip(before[:2], after[:2], strict=True))
    del loader.items["rich"]
    assert loader.rows.targets() is None


def test_rows_to_train_on_stay(frame):
    to = tabular(frame, (list(range(600)), list(range(600, 640))))
    before = to.xs
    for use in (lambda: to.dataloaders(), lambda: to.xs, lambda: to.train):
        to.items.loc[:, "city"] = 0
        with pytest.raises(TypeError, match="do not change. Change the table before"):
            use()
        assert to.xs.equals(before), "and is as it was"
    to.items["more"] = 1
    assert list(to) == to.all_col_names == ["city", "age_na", "age", "hours", "rich"]
    assert to.x_names.filter(lambda name: "_na" not in name) == ["city", *to.cont_names] and to.cat_names.map(len) == [4, 6]
    assert to.x_names.filter(str.isalpha, negate=True) == ["age_na"] and len(to.dataloaders().train_ds) == 600


def test_what_is_written_into_a_side_is_an_error_in_a_fit(frame):
    to = tabular(frame, (list(range(600)), list(range(600, 640))))
    own = to.train.items["hours"].copy()
    to.train.items["hours"] = 0
    assert (to.train.conts["hours"] == 0).all() and to.conts["hours"].std() > 0.5
    dls = to.dataloaders(bs=50)
    learn = tabular_learner(dls, [8])
    with pytest.raises(ValueError, match="dls.train: its items were changed"):
        learn.fit(1)
    to.train.items["hours"] = own
    assert learn.fit(1).completed


def test_a_look_does_not_read_what_was_written(frame, monkeypatch):
    to = tabular(frame, (list(range(600)), list(range(600, 640))))
    to.items["hours"] = 0
    assert "640 rows" in repr(to) and len(to) == 640
    with pytest.raises(TypeError, match="do not change"):
        to.dataloaders()
    loader = to.dataloaders(bs=50).test_dl(frame)
    loader.items["city"] = 9
    assert "640 rows" in repr(loader) and "640 rows" in repr(loader.dataset)
    assert (len(loader), loader.n, bool(loader)) == (13, 640, True)
    with pytest.raises(ValueError, match="codes of column `city`"):
        loader.one_batch()
    loader.items["city"] = 1
    reads, read = [], type(loader.dataset)._read_again
    monkeypatch.setattr(type(loader.dataset), "_read_again", lambda self, items: reads.append(1) or read(self, items))
    assert len(list(loader)) == 13 and loader.n == 640 and len(reads) == 1


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
