"""Wrong input is an error in words, whatever it is, and the learner lives on."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from highmark.tabular.all import (
    Adam,
    AvgMetric,
    Callback,
    CrossEntropyLossFlat,
    EarlyStoppingCallback,
    GradientClip,
    SaveModelCallback,
    TabularDataLoaders,
    TabularPandas,
    accuracy,
    load_learner,
    partial,
    set_seed,
    tabular_config,
    tabular_learner,
    untar_data,
)


class Evil:
    """Fails at whatever is asked of it."""

    def __getattr__(self, name):
        raise RuntimeError(f"evil {name}")

    def __len__(self):
        raise RuntimeError("evil len")

    def __iter__(self):
        raise RuntimeError("evil iter")

    def __repr__(self):
        return "<evil>"


HOSTILE = [None, 0, -1, 1.5, float("nan"), "", "nonsense", b"x", [], [1], {}, {"a": 1}, object(), Evil(), int, len]
ALLOWED = (TypeError, ValueError, KeyError, OSError, AttributeError)


def test_words_of_errors(columns, dls, learn, tmp_path):
    frame = pd.DataFrame(columns)

    def loaders(**kwargs):
        options = {"y_names": "rich", "cat_names": ["city"], "cont_names": ["age"], "procs": dls.procs} | kwargs
        return TabularDataLoaders.from_df(frame, **options)

    for call, kind, words in [
        (lambda: loaders(cont_names=["ages"]), KeyError, "there is no column `ages`; did you mean `age`? There are: age"),
        (lambda: loaders(y_names="ritch"), KeyError, "there is no column `ritch`; did you mean `rich`?"),
        (lambda: loaders(y_names=None), ValueError, "targets: name the column to predict"),
        (lambda: loaders(cont_names=["city"], cat_names=[]), ValueError, "and no numbers; make it categorical"),
        (lambda: loaders(procs=None), ValueError, "need `categorify`"),
        (lambda: loaders(valid_idx=[640]), ValueError, "valid: row 640 is not among the 640 rows"),
        (lambda: loaders(valid_idx=[]), ValueError, "for validation"),
        (lambda: tabular_learner(loaders(bs=600)), ValueError, "batch_size: 600 is larger than the 512 training rows"),
        (lambda: learn.fit(1, cbs=EarlyStoppingCallback("acuracy")), KeyError, "there is no monitor `acuracy`"),
        (lambda: learn.fit(1, -1.0), ValueError, "lr: -1 is not a positive number"),
        (lambda: learn.fit(1, "fast"), TypeError, "lr: a number is needed, not 'fast'"),
        (lambda: learn.fit("many"), TypeError, "n_epoch: a whole number is needed, not 'many'"),
        (lambda: learn.fit(1, cbs="stop"), TypeError, "cbs: a callback is needed, not 'stop'"),
        (lambda: learn.fit(1, cbs=SaveModelCallback(every_epoch=-1)), ValueError, "every_epoch: -1 is below 0"),
        (lambda: EarlyStoppingCallback(min_delta=float("nan")), ValueError, "min_delta: nan is not a number"),
        (lambda: EarlyStoppingCallback(comp=max), ValueError, "np.less or np.greater"),
        (lambda: tabular_learner(dls, metrics="acuracy"), KeyError, "did you mean `accuracy`?"),
        (lambda: tabular_learner(dls, metrics="rmse"), ValueError, "`rmse` does not fit a target of one class a row"),
        (
            lambda: tabular_learner(dls, metrics=AvgMetric(len, "valid_loss")),
            ValueError,
            "`valid_loss` is a column of the table",
        ),
        (lambda: pickle.dumps(learn), TypeError, "learn.save and learn.export write its model"),
        (lambda: tabular_learner(dls, layers=[0]), ValueError, "a layer needs at least one output"),
        (lambda: tabular_learner(dls, emb_szs={"town": 3}), KeyError, "there is no categorical column `town`"),
        (lambda: tabular_learner(dls, config=tabular_config(ps=1.5)), ValueError, "1.5 is not in 0..1"),
        (lambda: tabular_learner(dls, loss_func=CrossEntropyLossFlat(weight=[1])), ValueError, "1 weight given for 2 outputs"),
        (lambda: tabular_learner(dls, opt_func=partial(Adam, mom=2.0)), ValueError, "mom: must be from 0 to below 1"),
        (lambda: tabular_learner(dls, lrs=1), TypeError, "there is no option `lrs`"),
        (lambda: tabular_learner(frame), TypeError, "dls: loaders are needed"),
        (lambda: dls.test_dl(frame.iloc[0]), TypeError, "`df.iloc[[0]]` is a table of one row, and `learn.predict` takes"),
        (lambda: dls.test_dl(frame.iloc[0].to_dict()), TypeError, "a table is needed, not one row or column (dict)"),
        (lambda: dls.test_dl(pl.DataFrame(frame)["age"]), TypeError, "a table is needed, not one row or column (Series)"),
        (lambda: loaders(wgts=[1.0] * 640), TypeError, "no option `wgts`, as rows are not drawn by weights; classes have"),
        (lambda: dls.test_dl(frame[["age"]]), ValueError, "not there: city, hours; there are: age"),
        (lambda: learn.get_preds(dl=frame), TypeError, "dl: a loader is needed"),
        (lambda: learn.predict(frame), TypeError, "row: a Series"),
        (lambda: learn.predict({"age": 1}), ValueError, "not there: city, hours; there are: age"),
        (lambda: learn.opt.set_hyper("momentum", 1), KeyError, "there is no hyper-parameter `momentum`"),
        (lambda: learn.lr_find(1, 0.1), ValueError, "the rates must be above 0 and growing"),
        (lambda: load_learner(tmp_path / "no.pkl"), FileNotFoundError, "cannot read"),
        (lambda: untar_data("mnist"), ValueError, "there is no data `mnist`"),
        (lambda: set_seed("x"), TypeError, "seed: a whole number is needed"),
        (lambda: GradientClip(0), ValueError, "max_norm: must be above 0"),
        (lambda: Callback(after_fit=3), TypeError, "after_fit: a function is needed"),
    ]:
        try:
            call()
        except kind as error:
            assert words in str(error), str(error)
        else:
            pytest.fail(f"nothing was raised: {words}")
    with learn.no_logging():
        assert learn.fit(1).completed


def test_the_command_says_the_same(columns, tmp_path):
    file = tmp_path / "x.csv"
    pd.DataFrame(columns).to_csv(file, index=False)
    command = [sys.executable, "-c", "from highmark.command import main; main()"]
    for wrong, target in ((["--cont", "ages"], "rich"), ([], "ritch"), (["--metrics", "rmse"], "rich")):
        arguments = ["train", str(file), "--target", target, *wrong]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
        with pytest.raises((KeyError, ValueError)) as caught:
            cont = ["ages"] if "ages" in wrong else ["age"]
            dls = TabularDataLoaders.from_csv(
                file, procs=["fill_missing", "categorify"], y_names=target, cat_names=["city"], cont_names=cont
            )
            tabular_learner(dls, metrics="rmse")
        assert str(caught.value) in " ".join(done.stderr.split()), done.stderr


# Of a constant.
@pytest.mark.filterwarnings("ignore:column `x`")
def test_hostile_tables():
    for value in HOSTILE:
        for source in (value, {"x": value, "y": value}, {"x": [value] * 4, "y": ["a", "b"] * 2}):
            try:
                TabularPandas(source, ["categorify"], ["x"], [], "y", splits=([0, 1], [2, 3]))
            except (*ALLOWED, RuntimeError) as error:
                assert str(error)
    for dtype in ("datetime64[s]", "complex64", "timedelta64[s]", "S3", "V4"):
        with pytest.raises(TypeError, match="column `x`: its type"):
            TabularPandas({"x": np.zeros(4, dtype), "y": [0, 1, 0, 1]}, [], [], ["x"], "y", splits=([0, 1], [2, 3]))
    with pytest.raises(TypeError, match="values of the types bytes, str"):
        TabularPandas(
            {"x": np.array([b"a", "a", "b", "c"], object), "y": [0, 1, 0, 1]}, [], [], ["x"], "y", splits=([0, 1], [2, 3])
        )
    with pytest.raises(ValueError, match="column `x`: `a` in data row 2 is not a number; .* make the column categorical"):
        TabularPandas(
            {"x": np.array([1, "a", 2, 3], object), "y": [0, 1, 0, 1]}, [], [], ["x"], "y", splits=([0, 1], [2, 3])
        )
    with pytest.raises(ValueError, match="column `y`: has 3 rows, but column `x` has 4"):
        TabularPandas({"x": [1.0] * 4, "y": [0, 1, 0]}, [], [], ["x"], "y", splits=([0, 1], [2, 3]))
    with pytest.raises(TypeError, match="column names must be text or whole numbers, but there is \\('a', 0\\)"):
        TabularPandas(pd.DataFrame({("a", 0): [1.0] * 4}), [], [], [], "y", splits=([0, 1], [2, 3]))
    with pytest.raises(ValueError, match="inf in data row 1 is not a finite number"):
        TabularPandas({"x": [np.inf] * 4, "y": [0, 1, 0, 1]}, [], [], ["x"], "y", splits=([0, 1], [2, 3]))


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_hostile_arguments(value, dls, learn):
    frame = {"x": [1.0, 2.5] * 4, "y": [0, 1] * 4}
    for call in (
        lambda: TabularDataLoaders.from_df(frame, cont_names=value, y_names="y"),
        lambda: TabularDataLoaders.from_df(frame, y_names=value),
        lambda: TabularDataLoaders.from_df(frame, y_names="y", valid_idx=value),
        lambda: TabularDataLoaders.from_df(frame, y_names="y", procs=value),
        lambda: TabularDataLoaders.from_df(frame, y_names="y", bs=value),
        lambda: TabularDataLoaders.from_csv(value, y_names="y"),
        lambda: tabular_learner(dls, layers=value),
        lambda: tabular_learner(dls, metrics=value),
        lambda: tabular_learner(dls, loss_func=value),
        lambda: tabular_learner(dls, opt_func=value),
        lambda: tabular_learner(dls, cbs=value),
        lambda: tabular_learner(dls, seed=value),
        lambda: tabular_learner(value),
        lambda: learn.fit(1, lr=value),
        lambda: learn.fit(1, wd=value),
        lambda: learn.fit(1, cbs=value),
        lambda: learn.fit_one_cycle(1, div=value),
        lambda: learn.get_preds(dl=value),
        lambda: learn.predict(value),
        lambda: learn.load(value),
        lambda: learn.model.load_state_dict(value),
        lambda: dls.test_dl(value),
        lambda: load_learner(value),
        lambda: EarlyStoppingCallback(monitor=value),
        lambda: EarlyStoppingCallback(patience=value),
    ):
        try:
            with learn.no_logging():
                call()
        except (*ALLOWED, RuntimeError, IndexError) as error:
            # Only what the object itself raised may be another kind.
            assert not isinstance(error, (RuntimeError, IndexError)) or "evil" in str(error), (call, error)
    with learn.no_logging():
        assert learn.fit(1).completed


def test_damaged_models(learn, tmp_path):
    path = learn.save("m")
    whole = path.read_bytes()
    for damaged in (b"", b"\x80\x04.", whole[: len(whole) // 2], whole[:100] + b"\xff" * 100 + whole[200:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="m.safetensors"):
            load_learner(path)
        with pytest.raises(ValueError, match="m.safetensors"):
            learn.load("m")


def test_nothing_to_show(dls, monkeypatch):
    learn = tabular_learner(dls, layers=[8])
    learn.recorder.plot_loss()
    learn.recorder.plot_metrics()
    learn.show_results(max_n=0)
    dls.show_batch(max_n=0)
    # A program without a console.
    monkeypatch.setattr(sys, "stdout", None)
    assert learn.fit(1).completed
