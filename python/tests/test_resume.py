"""A fit that is cut short goes on to the same bits; limits of time and money; values that are not finite."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import typing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import highmark.callbacks as keras
from highmark.tabular import state
from highmark.tabular.all import (
    AccumMetric,
    AvgMetric,
    Callback,
    CancelFitException,
    Checkpoint,
    EarlyStoppingCallback,
    GradientAccumulation,
    GradientClip,
    Learner,
    Metric,
    ReduceLROnPlateau,
    SaveModelCallback,
    TrackerCallback,
    accuracy,
    tabular_learner,
)


class Cut(Exception):
    """Pulls the plug."""


class CutAfter(Callback):
    """Raises after so many batches, training's and validation's."""

    order = 90

    def __init__(self, batches):
        self.left = batches

    def after_batch(self):
        self.left -= 1
        if self.left == 0:
            raise Cut


class Share(Metric):
    """A metric with attributes of numpy."""

    name = "share"
    lower_is_better = False

    def reset(self):
        self.hits, self.rows = np.zeros(2, np.float32), 0

    def accumulate(self, learn):
        self.hits = self.hits + np.float32([0.1, (learn.pred.argmax(axis=1) == learn.y[:, 0]).sum()])
        self.rows += len(learn.y)

    @property
    def value(self):
        return float(self.hits[1] / self.rows + 1e-3 * self.hits[0])


class Remembers(Callback):
    """One that goes by what it has seen."""

    def __init__(self):
        self.seen = []

    def before_batch(self):
        if self.training and len(self.seen) % 3 == 1:
            self.learn.xb[1][:] *= np.float32(0.5)
        self.seen.append(self.learn.train_iter)

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


class Shy(SaveModelCallback):
    """Extends one of the library's."""

    def after_epoch(self):
        super().after_epoch()


class Half(TrackerCallback):
    """Halves the rate when there is nothing new."""

    def after_epoch(self):
        super().after_epoch()
        if not self.new_best:
            self.learn.opt.set_hyper("lr", self.learn.opt.hypers[0]["lr"] / 2)


def f1(pred, y):
    return float(((pred.argmax(axis=1) == y[:, 0]) & (y[:, 0] == 1)).mean())


def learner(dls, tmp_path):
    metrics = [accuracy, AvgMetric(f1, lower_is_better=False), Share, AccumMetric(lambda p, t: float(p.sum()), name="sum")]
    return tabular_learner(dls, seed=42, layers=[8], metrics=metrics, path=tmp_path, cbs=[Remembers()])


def callbacks():
    return [
        Shy("share", fname="best"),
        EarlyStoppingCallback("accuracy", min_delta=0.5, patience=4),
        ReduceLROnPlateau("f1", patience=2, factor=3.0),
        GradientAccumulation(80),
        Half("valid_loss", min_delta=0.01),
        keras.ModelCheckpoint("m-{epoch}.keras", save_freq=7),
        keras.History(),
    ]


def outcome(learn):
    rows = [row[:4] for row in learn._trainer.history()["rows"]]
    return rows, learn.recorder.lrs, np.array(learn.recorder.losses).tobytes(), learn.remembers.seen, weights(learn)


def weights(learn):
    return {name: value.tobytes() for name, value in learn.model.state_dict().items()}


@pytest.mark.parametrize("every", [{"steps": 1}, {"steps": 5, "epochs": None}, {}])
def test_a_fit_that_is_cut_anywhere(dls, tmp_path, monkeypatch, every):
    monkeypatch.chdir(tmp_path)
    whole = learner(dls, tmp_path / "whole")
    history = callbacks()[-1]
    with whole.no_logging():
        report = whole.fit(8, 0.02, cbs=[*callbacks()[:-1], history])
    expected, files = outcome(whole), sorted(os.listdir(tmp_path))
    assert report.epochs_run == 5 and report.checkpoint is None
    for file in tmp_path.glob("*.keras"):
        file.unlink()
    checkpoint = Checkpoint(tmp_path / "checkpoint", seconds=None, **every)
    for cut in (1, 3, 16, 17, 19, 20, 21, 45, 0):
        # A new learner each time, as in a new process.
        learn = learner(dls, tmp_path / "whole")
        extra, mine = [CutAfter(cut)] if cut else [], callbacks()
        with learn.no_logging(), contextlib.suppress(Cut):
            report = learn.fit(8, 0.02, cbs=[*mine, *extra], checkpoint=checkpoint, resume="auto")
            assert cut in (0, 45)
    assert outcome(learn) == expected and mine[-1].history == history.history
    assert report.checkpoint == tmp_path / "checkpoint" / "checkpoint.safetensors"
    assert report.epochs_run == 5 and report.stop_reason.startswith("early_stopping: ")
    assert sorted(set(os.listdir(tmp_path)) - {"checkpoint"}) == files
    # It has ended: once more is nothing.
    again = learner(dls, tmp_path / "whole")
    with again.no_logging():
        again.fit(8, 0.02, cbs=callbacks(), checkpoint=checkpoint, resume="auto")
    assert outcome(again) == expected


def test_another_fit_is_refused(dls, tmp_path, capsys):
    def fit(epochs, *args, **kwargs):
        learn = tabular_learner(dls, seed=42, layers=[8], path=tmp_path)
        with learn.no_logging():
            return learn.fit_one_cycle(epochs, *args, resume="auto", **kwargs)

    assert fit(2).checkpoint == tmp_path / "checkpoint" / "checkpoint.safetensors"
    with pytest.raises(ValueError, match="learning rate was 0.001 and is 0.1 now; put that back, or begin a run in another"):
        fit(2, 0.1)
    with pytest.raises(ValueError, match="weight decay was .0.01. and is .0.5. now"):
        fit(2, wd=0.5)
    with pytest.raises(ValueError, match="it is of a fit for 2 epochs, which cannot become 1"):
        fit(1)
    assert fit(4).epochs_run == 4
    learn = tabular_learner(dls, seed=42, layers=[8], path=tmp_path)
    learn.fit_one_cycle(4, resume="auto")
    assert "resumed after its 4 epochs" in capsys.readouterr().out
    # What failed or ended leaves nothing behind for the next.
    with pytest.raises(ValueError, match="lr: -1"):
        learn.fit_one_cycle(4, -1.0, resume="auto")
    with learn.no_logging():
        assert learn.fit(1).checkpoint is None


@pytest.mark.parametrize(
    ("then", "now", "named"),
    [
        ([GradientClip(0.1)], [GradientClip(0.5)], "`gradient_clip`: clip was"),
        ([GradientAccumulation(64)], [], "`gradient_accumulation` is gone"),
        ([], [ReduceLROnPlateau()], "`reduce_lr_on_plateau` is new"),
        ([EarlyStoppingCallback()], [EarlyStoppingCallback("accuracy")], '`early_stopping`: monitor was "valid_loss" and is'),
        ([keras.EarlyStopping(patience=2)], [keras.EarlyStopping(patience=3)], "`early_stopping`: patience was 2 and is 3 now"),
    ],
)
def test_other_callbacks_are_refused_until_the_fit_has_ended(dls, tmp_path, then, now, named):
    def fit(cbs, epochs=2):
        learn = tabular_learner(dls, seed=42, layers=[4], metrics=accuracy)
        with learn.no_logging():
            return learn.fit(epochs, cbs=cbs, checkpoint=Checkpoint(tmp_path, steps=1), resume="auto")

    with pytest.raises(Cut):
        fit([*then, CutAfter(3)])
    with pytest.raises(ValueError, match=re.escape(named)):
        fit(now)
    fit(then)
    fit(now, epochs=3)


def test_a_damaged_checkpoint_is_passed_over(dls, tmp_path, capsys):
    def learn():
        return tabular_learner(dls, seed=42, layers=[8], path=tmp_path)

    # Time for each to be written.
    pause = Callback(after_epoch=lambda: time.sleep(0.1))
    with pytest.raises(Cut):
        learn().fit(4, cbs=[CutAfter(70), pause], resume="auto")
    newest = tmp_path / "checkpoint" / "checkpoint.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    assert learn().fit(4, resume="auto").epochs_run == 4
    assert "damaged" in capsys.readouterr().out


KILLED = """
import sys
import numpy as np
from highmark.tabular.all import *
random = np.random.default_rng(0)
x = random.normal(size=(4000, 4)).astype('float32')
columns = {f'x{i}': x[:, i] for i in range(4)} | {'y': np.where(x[:, 0] > 0, 'a', 'b')}
dls = TabularDataLoaders.from_df(columns, path=sys.argv[1], y_names='y', cont_names=list(columns)[:4], cat_names=[], bs=32)
learn = tabular_learner(dls, layers=[32], metrics=accuracy)
try:
    learn.fit_one_cycle(int(sys.argv[2]), cbs=SaveModelCallback('accuracy'), checkpoint=Checkpoint(sys.argv[3], steps=20), resume='auto')
except KeyboardInterrupt:
    print('interrupted', flush=True)
else:
    state = learn.model.state_dict()
    np.savez(sys.argv[4], losses=learn.recorder.losses, **state)
"""


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process(tmp_path, kill):
    def start(checkpoint, result):
        arguments = [
            sys.executable,
            "-u",
            "-c",
            KILLED,
            str(tmp_path),
            "30",
            str(tmp_path / checkpoint),
            str(tmp_path / result),
        ]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)

    with start("one", "one.npz") as process:
        assert process.wait() == 0
    kills = 0
    while not (tmp_path / "two.npz").exists():
        with start("two", "two.npz") as process:
            for line in process.stdout:
                if kills < 3 and line.startswith(f"{3 + 7 * kills} "):
                    time.sleep(0.01 * kills)
                    process.send_signal(kill)
                    kills += 1
    assert kills == 3
    one, two = np.load(tmp_path / "one.npz"), np.load(tmp_path / "two.npz")
    assert sorted(one) == sorted(two)
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_an_interrupted_fit_goes_on_where_it_was(dls, tmp_path):
    """Ctrl-C saves the batch under way: nothing is lost."""

    class Interrupts(Callback):
        def before_fit(self):
            self.at = 0 if self.learn.resumed else 21

        def after_train(self):
            if self.epoch == 1 and self.at:
                signal.raise_signal(signal.SIGINT)

    def learn():
        return tabular_learner(dls, seed=42, layers=[8], path=tmp_path)

    whole = learn()
    with whole.no_logging():
        whole.fit(3)
    first = learn()
    with first.no_logging(), pytest.raises(KeyboardInterrupt):
        first.fit(3, cbs=Interrupts(), checkpoint=Checkpoint(tmp_path / "c", epochs=None, seconds=None))
    second = learn()
    with second.no_logging():
        second.fit(3, checkpoint=tmp_path / "c", resume="auto")
    assert weights(second) == weights(whole)


def test_a_limit_of_time_and_of_money(dls, capsys):
    learn = tabular_learner(dls, seed=42, layers=[8], metrics=accuracy)
    for limit in ({"max_time": 0.4}, {"max_time": "0.4s"}, {"max_time": timedelta(seconds=0.4)}):
        begin = time.monotonic()
        report = learn.fit_one_cycle(**limit)
        # Without the limit it would go on for ever; how well it is kept to is tested where the clock is ours.
        assert time.monotonic() - begin < 20
        assert report.completed and report.epochs_run > 0 and report.budget_seconds == pytest.approx(0.4)
        assert report.budget_used > 0 and "are used" in repr(report)
        assert learn.recorder.lrs[-1] < 1e-5
    report = learn.fit(2, max_time="1h", max_usd=1.0, usd_per_hour=36)
    assert (report.epochs_run, report.budget_seconds) == (2, pytest.approx(100))
    assert learn.fit(1).budget_seconds is None
    with pytest.raises(ValueError, match="n_epoch: say how many epochs, or give a limit"):
        learn.fit()
    with pytest.raises(ValueError, match="max_time: `soon` is no time; write it in d, h, m and s, as 90s, 45m, 1h 30m or 2.5h"):
        learn.fit(max_time="soon")
    with pytest.raises(ValueError, match="max_usd: say by usd_per_hour, a number above 0"):
        learn.fit(max_usd=1)
    with pytest.raises(ValueError, match="cosine-restarts counts its cycles in epochs"):
        learn.fit_sgdr(1, 2, max_time=1)


class Spoils(Callback):
    """Makes the 5th batch's numbers infinite."""

    def before_batch(self):
        if self.training and self.learn.train_iter == 5:
            self.learn.xb[1][:] = np.inf


def test_values_that_are_not_finite(dls):
    def fit(**kwargs):
        learn = tabular_learner(dls, seed=42, layers=[8])
        with learn.no_logging():
            return learn, learn.fit(2, cbs=Spoils(), **kwargs)

    stopped, report = fit()
    assert report.stop_reason.startswith("non_finite: ") and not report.completed
    assert all(np.isfinite(value).all() for value in stopped.model.state_dict().values())
    _, report = fit(non_finite="skip")
    assert report.completed and (report.skipped_steps, report.rollbacks) == (1, 0) and "1 step left out\n" in repr(report)
    _, report = fit(non_finite="rollback")
    assert report.completed and report.rollbacks == 1
    with pytest.raises(KeyError, match="there is no policy .* `hope`.* There are: stop, skip, rollback"):
        fit(non_finite="hope")


def test_wrong_options(dls, tmp_path):
    learn = tabular_learner(dls, seed=42, layers=[8], path=tmp_path)
    backup = keras.BackupAndRestore(tmp_path / "b")
    for options, kind, words in [
        ({"resume": "yes"}, ValueError, "resume: 'yes' is not auto or never"),
        ({"checkpoint": 3}, TypeError, "checkpoint: a folder is needed"),
        ({"checkpoint": ""}, TypeError, "checkpoint: a folder is needed"),
        ({"checkpoint": Checkpoint("x", steps=0)}, ValueError, "checkpoint: is saved after 1 step or epoch, or more"),
        ({"checkpoint": Checkpoint("x", seconds=-1)}, ValueError, "-1 seconds are no time between two"),
        ({"checkpoint": Checkpoint("x", steps="often")}, TypeError, "steps: a whole number"),
        ({"checkpoint": "x", "cbs": backup}, ValueError, "one is enough"),
        ({"cbs": [backup, keras.BackupAndRestore("c")]}, ValueError, "one is enough"),
        ({"max_time": []}, TypeError, "max_time: a number"),
        ({"max_time": -1}, ValueError, "max_time: must be above 0, not -1.0"),
        ({"usd_per_hour": -1}, ValueError, "usd_per_hour: must be at least 0, not -1"),
        ({"non_finite": None}, TypeError, "non_finite: text is needed"),
        ({"chekpoint": "x"}, TypeError, "there is no option `chekpoint`. There are: checkpoint, resume"),
    ]:
        with learn.no_logging(), pytest.raises(kind, match=words):
            learn.fit(1, **options)
    # A folder that cannot be written stops nothing, and is told.
    (tmp_path / "file").write_text("")
    with learn.no_logging():
        assert learn.fit(1, checkpoint=tmp_path / "file" / "below").checkpoint is None


def test_what_a_callback_remembers_keeps_its_bits():
    value = {
        "a": [1, 2.5, None, True, "x", (1, (2,))],
        "b": np.float32(0.1),
        "c": np.arange(6, dtype=np.int16).reshape(2, 3),
        "d": {"e": float("nan"), "f": -float("inf"), "g": np.array(["x", "yz"])},
        "h": 0.1 + 0.2,
    }
    back = state.loads(state.dumps(value))
    assert back["a"] == value["a"] and type(back["b"]) is np.float32 and back["b"] == value["b"]
    assert back["c"].dtype == np.int16 and np.array_equal(back["c"], value["c"]) and back["h"] == value["h"]
    assert np.isnan(back["d"]["e"]) and back["d"]["f"] == -np.inf and back["d"]["g"].tolist() == ["x", "yz"]
    for wrong in ({1: 2}, object(), {1, 2}, np.array([None]), b"x"):
        with pytest.raises(TypeError, match="cannot go into a checkpoint"):
            state.dumps(wrong)


def test_a_state_that_cannot_be_saved_is_told(dls, tmp_path, capsys):
    class Odd(Callback):
        def after_epoch(self):
            pass

        def state_dict(self):
            return {"x": object()}

    learn = tabular_learner(dls, seed=42, layers=[8], path=tmp_path)
    assert learn.fit(2, cbs=Odd(), resume="auto").epochs_run == 2
    out = capsys.readouterr().out
    # Of the first, and of the last.
    assert out.count("no checkpoint: ") == 2 and "type object cannot go into a checkpoint" in out


def test_a_metric_that_cannot_be_saved_is_told(dls, tmp_path, capsys):
    class Odd(Share):
        def __init__(self):
            self.f = lambda x: x

        def accumulate(self, learn):
            super().accumulate(learn)
            # Until the last checkpoint is written, so that the next is due in the middle of this validation.
            time.sleep(0.1)

    learn = tabular_learner(dls, seed=42, layers=[8], metrics=Odd(), path=tmp_path)
    report = learn.fit(2, checkpoint=Checkpoint(tmp_path / "c", seconds=1e-9))
    assert report.completed and report.epochs_run == 2 and report.checkpoint.exists()
    out = capsys.readouterr().out
    assert "no checkpoint: TypeError: an object of the type function cannot go into a checkpoint" in out
    assert "training goes on" in out


def test_what_is_left_over_costs_no_report(dls, tmp_path, monkeypatch):
    def refuse(path, missing_ok=False):
        raise PermissionError("it is not yours")

    monkeypatch.setattr(Path, "unlink", refuse)
    learn = tabular_learner(dls, seed=42, layers=[8], path=tmp_path)
    with learn.no_logging(), pytest.warns(UserWarning, match="backup_and_restore: it is not yours"):
        assert learn.fit(1, cbs=keras.BackupAndRestore(tmp_path / "b")).completed


def test_the_types_of_a_fit_can_be_asked_for():
    for name in ("fit", "fit_one_cycle", "fit_flat_cos", "fit_sgdr"):
        assert "options" in typing.get_type_hints(getattr(Learner, name))


def test_a_cancelled_fit_ends_there_again(dls, tmp_path):
    class Enough(Callback):
        def after_epoch(self):
            if self.epoch == 1:
                raise CancelFitException("enough")

    for _ in range(2):
        learn = tabular_learner(dls, seed=42, layers=[8], path=tmp_path)
        with learn.no_logging():
            report = learn.fit(5, cbs=Enough(), resume="auto")
        assert (report.epochs_run, report.stop_reason) == (2, "enough: enough")


HOLD = """
import fcntl, os, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(str(os.getpid()))
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="locks by fcntl")
def test_a_folder_is_of_one_fit_at_a_time(learn, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    command = [sys.executable, "-c", HOLD, str(folder / "run.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OSError, match=f"another process, number {other.pid}, is at work in it"):
            learn.fit(1, checkpoint=folder)
        # Whoever was kept out has not taken the other's lock away.
        assert (folder / "run.lock").exists()
        other.stdin.close()
    learn.fit(1, checkpoint=folder)
    assert [file.name for file in folder.iterdir()] == ["checkpoint.safetensors"]


def test_the_lock_of_a_fit_that_fails_is_let_go_of(learn, tmp_path):
    folder = tmp_path / "kept"
    with pytest.raises(ValueError):
        learn.fit(1, checkpoint=folder, max_time="nonsense")
    with pytest.raises(Cut):
        learn.fit(1, cbs=CutAfter(1), checkpoint=folder)
    learn.fit(1, checkpoint=folder)
    assert not (folder / "run.lock").exists()
