"""Callbacks of one's own beside Keras's trackers: who runs before whom, and what they find."""

import numpy as np
import pytest
from conftest import ScriptedMetric

import highmark.callbacks as keras
from highmark.tabular.all import (
    Callback,
    CancelFitException,
    EarlyStoppingCallback,
    ReduceLROnPlateau,
    tabular_learner,
)


def test_behind_the_trackers_their_state_is_that_of_the_epoch(learn, tmp_path):
    """As in Keras, also at the end of the fit and in the epoch that ends it."""
    early = keras.EarlyStopping(min_delta=100, patience=1)
    reduce = keras.ReduceLROnPlateau(min_delta=100, patience=1, factor=0.5)
    saved = keras.ModelCheckpoint(tmp_path / "{epoch}.keras")
    seen, before = [], []
    look = keras.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((early.wait, early.stopped_epoch, len(saved.saved), look.rate())),
        on_train_end=lambda logs: seen.append((early.stopped_epoch, look.model.stop_training)),
    )
    look.rate = lambda: float(look.model.optimizer.learning_rate)
    first = keras.LambdaCallback(on_epoch_end=lambda epoch, logs: before.append((early.wait, len(saved.saved))))
    with learn.no_logging():
        report = learn.fit(5, 0.01, cbs=[early, first, reduce, saved, look])
    assert seen == [(0, 0, 1, 0.01), (1, 1, 2, 0.005), (1, True)]
    # What stands before one of the trackers runs before all of them.
    assert before == [(0, 0), (0, 1)]
    assert report.stop_reason == "early_stopping: valid_loss has not improved for 1 epoch"


def test_history_and_csv_logger_come_last_of_all(learn, tmp_path):
    """They have the epoch that ends the fit, and the rate that it was trained with."""
    history, log = keras.History(), keras.CSVLogger(tmp_path / "log.csv")
    add = keras.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch + 0.5))
    early = keras.EarlyStopping(min_delta=100, patience=1)
    reduce = keras.ReduceLROnPlateau(min_delta=100, patience=1, factor=0.5)
    with learn.no_logging():
        learn.fit(5, 0.01, cbs=[history, log, early, reduce, add])
    assert history.history["extra"] == [0.5, 1.5] and history.history["learning_rate"] == [0.01, 0.01]
    assert [line.split(",")[:3] for line in (tmp_path / "log.csv").read_text().splitlines()] == [
        ["epoch", "extra", "learning_rate"],
        ["0", "0.5", "0.01"],
        ["1", "1.5", "0.01"],
    ]


@pytest.mark.parametrize("ender", ["fastai", "extended", "own"])
def test_whoever_ends_the_fit_all_see_the_end_of_the_epoch(learn, ender):
    class Own(Callback):
        order = 60

        def after_epoch(self):
            raise CancelFitException("enough")

    class Extended(keras.EarlyStopping):
        def after_epoch(self):
            super().after_epoch()

    end = {
        "fastai": EarlyStoppingCallback(min_delta=100, patience=1),
        "extended": Extended(min_delta=100, patience=1),
        "own": Own(),
    }[ender]
    history, two = keras.History(), keras.EarlyStopping(min_delta=100, patience=4)
    with learn.no_logging():
        report = learn.fit(5, cbs=[end, two, history])
    epochs = 1 if ender == "own" else 2
    assert history.epoch == list(range(epochs)) and two.wait == epochs - 1
    assert report.stop_reason.split(":")[0] == {"own": "own", "extended": "extended"}.get(ender, "early_stopping")


def test_without_keras_callbacks_a_cancel_keeps_the_end_of_the_epoch_from_later_ones(learn):
    seen = []
    late = Callback(after_epoch=lambda: seen.append(learn.epoch))
    late.order = 64
    with learn.no_logging():
        learn.fit(5, cbs=[EarlyStoppingCallback(min_delta=100, patience=1), late])
    assert seen == [0]


def test_an_order_of_ones_own_is_kept(learn):
    early, seen = keras.EarlyStopping(min_delta=100, patience=1), []
    look = keras.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(early.wait))
    look.order = 1
    with learn.no_logging():
        learn.fit(5, cbs=[early, look])
    assert seen == [0, 0]


def test_two_trackers_end_a_fit_together(learn):
    both = [keras.EarlyStopping(min_delta=100, patience=1), keras.EarlyStopping(min_delta=100, patience=1)]
    with learn.no_logging():
        learn.fit(5, cbs=both)
        assert [early.stopped_epoch for early in both] == [1, 1]
        learn.fit(1, cbs=both)
    assert [early.stopped_epoch for early in both] == [0, 0]


def test_the_setters_are_told_before_the_fit_begins(learn):
    told = []

    class Told(keras.Callback):
        def set_model(self, model):
            super().set_model(model)
            told.append(("model", self.model.count_params() == model.count_params()))

        def set_params(self, params):
            super().set_params(params)
            told.append(("params", params["epochs"], params["steps"], self.params == params))

        def on_train_begin(self, logs=None):
            told.append("begin")

    class Keeps(keras.Callback):
        def set_params(self, params):
            self.params = params

    cb, keeps = Told(), Keeps()
    with learn.no_logging():
        learn.fit(1, cbs=[cb, keeps])
        learn.fit(2, cbs=[cb, keeps])
    assert told == [it for n in (1, 2) for it in (("model", True), ("params", n, 16, True), "begin")]
    assert keeps.params["epochs"] == 2
    with pytest.raises(ValueError, match="`set_model` would never be called, since EarlyStopping has no hooks"):
        type("Mine", (keras.EarlyStopping,), {"set_model": lambda self, model: None})


def test_a_first_infinity_is_the_best_so_far(dls, tmp_path):
    def fit(values, *cbs):
        learn = tabular_learner(dls, layers=[4], metrics=ScriptedMetric("x", True, values))
        with learn.no_logging():
            return learn.fit(len(values), cbs=list(cbs)).epochs_run

    early = keras.EarlyStopping("val_x", patience=1)
    save = keras.ModelCheckpoint(tmp_path / "{epoch}", "val_x", save_best_only=True)
    assert fit([np.inf, np.inf, 0.1], early, save) == 2
    assert early.best == save.best == np.inf and [path.name for path in save.saved] == ["1"]
    early = keras.EarlyStopping("val_x", patience=2)
    save = keras.ModelCheckpoint(tmp_path / "n{epoch}", "val_x", save_best_only=True)
    assert fit([np.nan, np.inf, 0.1], early, save) == 3
    assert early.best == save.best == 0.1 and [path.name for path in save.saved] == ["n2", "n3"]
    assert fit([np.inf, 0.2, 0.1], EarlyStoppingCallback("x", patience=1)) == 1


def test_names_are_kept_as_they_were_given(learn, tmp_path):
    path = tmp_path / "m.keras"
    cbs = [
        keras.EarlyStopping(),
        keras.ReduceLROnPlateau("loss", mode="min"),
        keras.ModelCheckpoint(path, "val_accuracy", save_best_only=True, verbose=0, mode="max"),
    ]
    assert [(cb.monitor, cb.mode, cb.best) for cb in cbs] == [
        ("val_loss", "auto", None),
        ("loss", "min", None),
        ("val_accuracy", "max", None),
    ]
    save = cbs[-1]
    assert (save.filepath, save.save_freq, save.verbose) == (str(path), "epoch", 0)
    assert save.save_best_only and not save.save_weights_only
    with learn.no_logging():
        report = learn.fit(2, cbs=cbs)
    assert report.monitor == "accuracy" and report.best == save.best


def test_factors_that_do_not_lower_the_rate(learn):
    for cb, meant in (
        (ReduceLROnPlateau(factor=1.0), r"factor: 1\.0 does not lower the rate; it must be above 1$"),
        (keras.ReduceLROnPlateau(factor=0.0), r"factor: 0\.0 does not lower the rate; it must lie between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=meant):
            learn.fit(1, cbs=cb)
