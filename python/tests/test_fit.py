"""From a table to a trained model, as fastai's users write it."""

import copy
import pickle
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from highmark.tabular.all import (
    SGD,
    CSVLogger,
    EarlyStoppingCallback,
    Interpretation,
    Learner,
    ReduceLROnPlateau,
    SaveModelCallback,
    TabularDataLoaders,
    TerminateOnNaNCallback,
    accuracy,
    load_learner,
    partial,
    tabular_config,
    tabular_learner,
)


def test_the_table_is_fastais(learn, capsys):
    report = learn.fit_one_cycle(2)
    header, first, second = capsys.readouterr().out.splitlines()
    assert header == "epoch     train_loss  valid_loss  accuracy  time    "
    assert re.fullmatch(r"0         \d\.\d{6}    \d\.\d{6}    \d\.\d{6}  00:\d\d\.\d\d", first)
    assert second.startswith("1         ")
    assert (report.epochs_run, report.completed, report.stop_reason) == (2, True, "all 2 epochs ran")


def test_early_stopping_and_the_best_model(learn, capsys):
    stop = EarlyStoppingCallback(monitor="accuracy", min_delta=0.5, patience=2)
    save = SaveModelCallback(monitor="accuracy", fname="best")
    report = learn.fit_one_cycle(10, cbs=[stop, save])
    lines = capsys.readouterr().out.splitlines()
    assert "No improvement since epoch 0: early stopping" in lines
    assert any(line.startswith("Better model found at epoch 0 with accuracy value: 0.") for line in lines)
    assert (report.epochs_run, report.epochs_planned) == (3, 10)
    accuracies = [row[2] for row in learn.recorder.values]
    assert save.best_epoch == accuracies.index(max(accuracies))
    assert learn.validate()[1] == max(accuracies) == save.best == report.best
    assert save.last_saved_path == learn.path / "models" / "best.safetensors"
    assert (stop.wait, stop.best) == (2, accuracies[0])
    # Callbacks of one fit are gone after it.
    assert not hasattr(learn, "save_model")


def test_attributes_of_a_learner(learn):
    learn.fit_one_cycle(2, 1e-2)
    recorder = learn.recorder
    assert recorder.metric_names == ["epoch", "train_loss", "valid_loss", "accuracy", "time"]
    assert len(recorder.lrs) == len(recorder.losses) == 2 * len(learn.dls.train) == 2 * 16
    assert recorder.iters == [16, 32]
    assert (recorder.lrs[0], max(recorder.lrs)) == (pytest.approx(1e-2 / 25), pytest.approx(1e-2))
    assert recorder.hps["mom"][0] == pytest.approx(0.95)
    assert recorder.values[-1] == learn.final_record
    assert recorder.log[0] == 1
    assert learn.validate() == learn.final_record[1:]
    assert learn.opt.hypers[0]["wd"] == 0.01
    learn.opt.hypers[0]["lr"] = 0.5
    assert learn.opt.hypers[0]["lr"] == 0.5
    assert learn.lr == 1e-3
    assert "TabularModel" in learn.summary() and "ProgressCallback" in learn.summary()
    assert repr(learn.loss_func) == "cross-entropy"


def test_same_seed_same_bits(dls):
    def run(seed=42, **kwargs):
        learn = tabular_learner(dls, layers=[16], metrics=accuracy, seed=seed, **kwargs)
        with learn.no_logging():
            learn.fit_one_cycle(1)
        return learn.get_preds()[0]

    assert np.array_equal(run(), run())
    assert np.array_equal(run(), run(threads=1))
    assert not np.array_equal(run(), run(seed=7))


def test_schedules(learn, capsys):
    learn.fit(1, 0.01, wd=0.1)
    assert set(learn.recorder.lrs) == {0.01}
    assert learn.opt.hypers[0]["wd"] == 0.1
    learn.fit_flat_cos(1, 0.01)
    assert learn.recorder.lrs[:12] == [0.01] * 12 and learn.recorder.lrs[-1] < 0.01
    learn.fit_sgdr(2, 1, 0.01)
    assert len(learn.recorder.values) == 3
    learn.fit(1, slice(1e-5, 1e-4), reset_opt=True)
    assert set(learn.recorder.lrs) == {1e-4} and learn.opt.hypers[0]["wd"] == 0.01
    learn.fit(3, start_epoch=2)
    assert [row[0] is not None for row in learn.recorder.values] == [False, False, True]


def test_predictions(learn, columns, tmp_path):
    with learn.no_logging():
        learn.fit_one_cycle(3)
    inputs, preds, targs, decoded, losses = learn.get_preds(with_input=True, with_decoded=True, with_loss=True)
    assert (inputs[0].shape, inputs[1].shape, preds.shape, targs.shape) == ((128, 2), (128, 2), (128, 2), (128, 1))
    assert np.allclose(preds.sum(axis=1), 1) and np.array_equal(decoded, preds.argmax(axis=1))
    assert losses.mean() == pytest.approx(learn.validate()[0], rel=1e-5)
    assert accuracy(preds, targs) == pytest.approx(learn.validate()[1])
    assert learn.validate(ds_idx=0)[1] > 0.7
    row = {name: values[3] for name, values in columns.items()}
    shown, code, probabilities = learn.predict(row)
    assert shown["rich"] == learn.dls.vocab[code] and np.array_equal(probabilities, preds[3])

    learn.export()
    loaded = load_learner(tmp_path / "export.pkl")
    fresh = {name: columns[name][:10] for name in ("city", "hours", "age")}
    rows = loaded.dls.test_dl(fresh)
    again, none, classes = loaded.get_preds(dl=rows, with_decoded=True)
    assert np.array_equal(again, preds[:10]) and none is None and np.array_equal(classes, decoded[:10])
    assert np.array_equal(loaded.predict(row)[2], probabilities)
    odd = {**fresh, "city": ["Narvik", *fresh["city"][1:]]}
    assert any("`Narvik`" in line for line in loaded.dls.test_dl(odd).drift), "before anything is predicted"
    far = {**fresh, "hours": [200, -200, 0, 5000, *[20] * 6]}
    line = "column `hours`: 3 of 10 rows hold numbers far from those of training (10 to 59), up to 5000"
    assert line in loaded.dls.test_dl(far).drift and line in learn.dls.test_dl(far).drift


def test_a_model_from_a_file_says_what_it_is_not(learn, columns):
    file = learn.export()
    loaded = load_learner(file)
    rows = loaded.dls.test_dl(columns)
    for name in ("fit", "fit_one_cycle", "lr_find", "model", "recorder", "save"):
        with pytest.raises(AttributeError, match=f"{name}: a model from a file does not train; make a tabular_learner with"):
            getattr(loaded, name)
    with pytest.raises(ValueError, match="dl: a file has no rows; give the rows"):
        loaded.validate()
    with pytest.raises(ValueError, match="no targets, so there is no loss"):
        loaded.validate(dl=loaded.dls.test_dl({name: columns[name] for name in ("city", "hours", "age")}))
    with pytest.raises(TypeError, match="dl: a loader is needed"):
        loaded.get_preds(dl=columns)
    with pytest.raises(AttributeError, match="LoadedLearner has no attribute `predikt`"):
        loaded.predikt  # noqa: B018
    with pytest.raises(TypeError, match="a model from a file is not pickled; hand on the path, '.*export.pkl', and call"):
        pickle.dumps(loaded)
    loaded.metrics = accuracy
    copied, deep = copy.copy(loaded), copy.deepcopy(loaded)
    loaded.metrics = []
    assert copied.validate(dl=rows) == deep.validate(dl=rows) == [*loaded.validate(dl=rows), copied.validate(dl=rows)[1]]


def test_a_model_from_a_file_scores_as_its_learner(learn, columns):
    loaded = load_learner(learn.export())
    theirs, rows = learn.dls.test_dl(columns), loaded.dls.test_dl(columns, bs=32)
    learn.metrics = loaded.metrics = [accuracy, lambda pred, targ: float(pred.max())]
    assert loaded.validate(dl=rows) == learn.validate(dl=theirs) and len(loaded.validate(dl=rows)) == 3
    options = {"with_input": True, "with_decoded": True, "with_loss": True, "act": lambda raw: raw}
    ours = loaded.get_preds(dl=rows, **options)
    for one, other in zip(learn.get_preds(dl=theirs, **options)[1:], ours[1:], strict=True):
        assert np.array_equal(one, other)
    assert loaded.get_preds(rows, with_targs=False)[0].shape == (640, 2)
    assert Interpretation.from_learner(loaded, dl=rows).top_losses(3)[0].shape == (3,)
    loaded.show_results(dl=rows, max_n=2)


def test_rows_are_encoded_once(learn, columns):
    table = {name: columns[name][:10].copy() for name in ("age", "hours", "city")}
    loaded = load_learner(learn.export())
    rows = loaded.dls.test_dl(table)
    before = loaded.get_preds(dl=rows)[0]
    table["age"][:] = 1e4
    assert np.array_equal(loaded.get_preds(dl=rows)[0], before)
    dls = TabularDataLoaders.from_df(
        columns, y_names="rich", cat_names=[], cont_names=["age", "hours"], procs=["fill_missing", "normalize"]
    )
    two = tabular_learner(dls)
    with pytest.raises(ValueError, match="prepared for another model"):
        loaded.get_preds(dl=load_learner(two.export(learn.path / "other.safetensors")).dls.test_dl(table))


def test_files(learn, dls):
    with learn.no_logging():
        learn.fit(1)
    before = learn.get_preds()[0]
    path = learn.save("mine")
    assert path == learn.path / "models" / "mine.safetensors"
    with learn.no_logging():
        learn.fit(1)
    assert not np.array_equal(before, learn.get_preds()[0])
    assert np.array_equal(before, learn.load("mine").get_preds()[0])
    with pytest.raises(FileNotFoundError, match="cannot read .*none.safetensors"):
        learn.load("none")


def test_weights_move(learn, dls):
    state = learn.model.state_dict()
    assert state["embeds.0.weight"].shape == (4, 3) and state["layers.0.0.weight"].shape == (16, 8)
    assert state["bn_cont.num_batches_tracked"].shape == ()
    with learn.no_logging():
        learn.fit(1)
    other = tabular_learner(dls, layers=[16])
    other.model.load_state_dict(learn.model.state_dict())
    assert np.array_equal(other.get_preds()[0], learn.get_preds()[0])
    with pytest.raises(ValueError, match="shape"):
        learn.model.load_state_dict({**state, "layers.0.0.weight": state["layers.0.0.weight"].T})
    with pytest.raises(KeyError, match="it is of another model"):
        learn.model.load_state_dict({})
    with pytest.raises(KeyError, match="there is no parameter `x`"):
        learn.model.load_state_dict({**state, "x": np.zeros(1)})


def test_lr_find_leaves_no_trace(learn):
    before = learn.model.state_dict()
    found = learn.lr_find(show_plot=False, suggest_funcs=["valley", "steep"])
    assert found._fields == ("valley", "steep") and 1e-7 < found.steep < 10
    assert all(np.array_equal(before[name], value) for name, value in learn.model.state_dict().items())


def test_options(dls, tmp_path):
    config = tabular_config(ps=[0.1], embed_p=0.1, use_bn=False, act_cls="mish")
    learn = tabular_learner(dls, [8], {"city": 7}, config, opt_func=partial(SGD, mom=0.9), lr=0.1, wd=0.0)
    assert learn.model.state_dict()["embeds.0.weight"].shape == (4, 7)
    assert learn.opt.hypers[0]["mom"] == 0.9
    with learn.no_logging():
        learn.fit(1, cbs=CSVLogger())
    text = (tmp_path / "history.csv").read_text().splitlines()
    assert text[0] == "epoch,train_loss,valid_loss,time" and len(text) == 2
    assert isinstance(learn, Learner)


def test_other_callbacks(learn, capsys):
    learn.fit(4, 10.0, cbs=[ReduceLROnPlateau("accuracy", min_delta=0.9, patience=1), TerminateOnNaNCallback()])
    assert "Epoch 1: reducing lr to 1.0" in capsys.readouterr().out


def test_the_interpreter_is_free(learn):
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    with learn.no_logging():
        learn.fit(100)
    stop.set()
    thread.join()
    assert counted[0] > 3


INTERRUPTED = """
import sys
import numpy as np
from highmark.tabular.all import *
random = np.random.default_rng(0)
x = random.normal(size=(20000, 4)).astype('float32')
columns = {f'x{i}': x[:, i] for i in range(4)} | {'y': np.where(x[:, 0] > 0, 'a', 'b')}
dls = TabularDataLoaders.from_df(columns, path=sys.argv[1], y_names='y', cont_names=list(columns)[:4], cat_names=[], bs=64)
learn = tabular_learner(dls, metrics=accuracy)
try:
    learn.fit(100000, cbs=SaveModelCallback('accuracy'))
except KeyboardInterrupt:
    best = max(row[2] for row in learn.recorder.values)
    print('interrupted', learn.validate()[1] == best, flush=True)
"""


def test_interrupts(tmp_path):
    command = [sys.executable, "-u", "-c", INTERRUPTED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("3 "):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert rest.splitlines()[-1] == "interrupted True", rest
    assert process.returncode == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends signals")
def test_signals_are_heard_everywhere(learn, columns):
    class Alarm(Exception):
        pass

    def ring(*_):
        raise Alarm

    many = {name: np.tile(values, 3000) for name, values in columns.items() if name != "rich"}
    rows = learn.dls.test_dl(many)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        for call in (
            lambda: learn.fit(10**6),
            lambda: learn.lr_find(1e-7, 1e-6, 10**7, stop_div=False, show_plot=False),
            lambda: learn.get_preds(dl=rows),
        ):
            begin = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with learn.no_logging(), pytest.raises(Alarm):
                call()
            assert time.monotonic() - begin < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with learn.no_logging():
        assert learn.fit(1).completed


def test_large_targets_are_told(columns, tmp_path):
    def made(target, **options):
        table = {"age": columns["hours"], "price": target}
        return tabular_learner(TabularDataLoaders.from_df(table, y_names="price", procs=["normalize"]), layers=[4], **options)

    random = np.random.default_rng(0)
    log = random.normal(12.0, 0.4, 640)
    for target in (np.exp(log), random.normal(0, 150, 640), 1e4 + log):
        with pytest.warns(UserWarning, match="target `price`: has a mean of .* where a model starts near 0; scale_target=True") as caught:
            made(target)
        assert len(caught) == 1 and caught[0].filename == __file__
        # Said, either way.
        made(target, scale_target=True)
        made(target, scale_target=False)
        made(target, y_range=(0.0, 1e6))
        made(target, config={"y_range": (0.0, 1e6)})
    made(log)
    made(random.normal(40.0, 60.0, 640))
