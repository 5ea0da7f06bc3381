"""Keras's callbacks in the same fit."""

import math

import numpy as np
import pytest

import highmark.callbacks as keras
from highmark.tabular.all import (
    AccumMetric,
    Callback,
    CancelBatchException,
    CancelFitException,
    EarlyStoppingCallback,
    TabularDataLoaders,
    accuracy,
    tabular_learner,
)


def test_both_kinds_in_one_fit(learn, tmp_path, capsys):
    history = keras.History()
    seen = []
    report = learn.fit(
        8,
        0.01,
        cbs=[
            EarlyStoppingCallback("accuracy", min_delta=0.9, patience=4),
            keras.EarlyStopping("val_accuracy", min_delta=0.9, patience=2, verbose=1, restore_best_weights=True),
            keras.ModelCheckpoint(tmp_path / "m-{epoch:02d}-{val_loss:.2f}.keras", verbose=1),
            keras.CSVLogger(tmp_path / "log.csv"),
            keras.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, sorted(logs)))),
            keras.LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1)),
            history,
        ],
    )
    out = capsys.readouterr().out
    assert report.epochs_run == 3 and report.stop_reason.startswith("early_stopping_2: accuracy")
    assert "Epoch 3: early stopping" in out and "best epoch: 1." in out and "No improvement" not in out
    assert learn.validate()[1] == learn.recorder.values[0][2]
    assert seen == [(epoch, ["learning_rate", "loss", "val_accuracy", "val_loss"]) for epoch in range(3)]
    assert [len(list(tmp_path.glob(f"m-0{n}-*.keras"))) for n in (1, 2, 3)] == [1, 1, 1]
    assert "Epoch 2: saving model to " in out
    log = (tmp_path / "log.csv").read_text().splitlines()
    assert log[0] == "epoch,learning_rate,loss,val_accuracy,val_loss" and len(log) == 4
    assert history.epoch == [0, 1, 2] and history.history["val_loss"] == [row[1] for row in learn.recorder.values]
    assert learn.recorder.lrs[::16] == [0.01, 0.005, pytest.approx(0.01 / 3)]


def test_stop_training_comes_after_everybody(learn):
    """Also from within an epoch, whose validation and end all callbacks still see."""
    history, lines = keras.History(), []

    class Stopper(keras.Callback):
        def on_train_batch_end(self, batch, logs):
            self.model.stop_training = self.model.epoch == 1 and batch == 3

    learn.logger = lines.append
    learn.fit(5, cbs=[Stopper(), history])
    assert history.epoch == [0, 1] and len(lines) == 2 and len(learn.recorder.lrs) == 16 + 4
    learn.fit(2, cbs=[keras.LambdaCallback(on_train_begin=lambda logs: setattr(learn, "stop_training", True)), history])
    assert history.epoch == [0, 1, 0]
    learn.fit(2, cbs=history)
    assert history.epoch == [0, 1, 0, 0, 1]


def test_what_trackers_tell(learn):
    early = keras.EarlyStopping(min_delta=10, patience=2)
    reduce = keras.ReduceLROnPlateau(min_delta=10, patience=1, factor=0.5, cooldown=3)
    history = keras.History()
    learn.fit(5, 0.01, cbs=[early, reduce, history])
    assert (early.wait, early.stopped_epoch, early.best_epoch) == (2, 2, 0)
    assert (reduce.wait, reduce.cooldown_counter) == (0, 2)
    assert history.history["learning_rate"] == [0.01, 0.01, 0.005]


def test_hooks_of_ones_own(learn):
    seen = []

    class Mine(keras.Callback):
        def on_train_begin(self, logs):
            seen.append(("begin", self.params))

        def on_train_batch_end(self, batch, logs):
            if batch == 0:
                seen.append(("batch", math.isfinite(logs["loss"])))

        def on_epoch_end(self, epoch, logs):
            self.model.stop_training = epoch == 1

        def on_train_end(self, logs):
            seen.append(("end", sorted(logs)))

    with learn.no_logging():
        report = learn.fit(5, cbs=Mine())
    assert report.epochs_run == 2 and report.stop_reason == "stop_training: a callback set it"
    assert seen == [
        ("begin", {"verbose": 0, "epochs": 5, "steps": 16}),
        *[("batch", True)] * 2,
        ("end", ["loss", "val_accuracy", "val_loss"]),
    ]


def test_the_best_alone_and_by_batches(learn, tmp_path):
    best = keras.ModelCheckpoint(tmp_path / "best.keras", "val_accuracy", save_best_only=True)
    often = keras.ModelCheckpoint(tmp_path / "b-{batch}.weights", save_freq=5, save_weights_only=True)
    with learn.no_logging():
        learn.fit(3, cbs=[best, often])
    accuracies = [row[2] for row in learn.recorder.values]
    assert best.best == max(accuracies) and best.saved == [tmp_path / "best.keras"] * len(best.saved)
    # Keras counts across epochs: 48 batches are 9 times 5 and 3.
    assert len(often.saved) == 9
    missing = keras.ModelCheckpoint(tmp_path / "{val_los}.keras")
    with pytest.raises(KeyError, match=r"Failed to format .* There are: epoch, loss, val_loss, val_accuracy"):
        learn.fit(1, cbs=missing)


def test_rates_fall(learn, capsys):
    learn.fit(3, 0.1, cbs=keras.ReduceLROnPlateau("val_accuracy", 0.5, patience=1, min_delta=0.9, verbose=1))
    assert "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.05." in capsys.readouterr().out
    learn.fit(3, 0.1, cbs=keras.ReduceLROnPlateau("val_accuracy", 0.5, patience=1, min_delta=0.9))
    assert "reducing" not in capsys.readouterr().out


@pytest.mark.parametrize("save_freq", ["epoch", 5])
def test_backup_and_restore(dls, tmp_path, save_freq):
    """What was cut short goes on to the same bits, and the backup goes with the end of the fit."""

    def cbs():
        return [
            keras.BackupAndRestore(tmp_path / "backup", save_freq=save_freq),
            keras.EarlyStopping("val_accuracy", min_delta=0.9, patience=4),
            keras.History(),
            keras.CSVLogger(tmp_path / "log.csv"),
        ]

    def learner():
        return tabular_learner(dls, seed=42, layers=[8], metrics=accuracy)

    class Crash(keras.Callback):
        def on_train_batch_end(self, batch, logs):
            if self.learn.epoch == 2 and batch == 8:
                raise OSError("pulled the plug")

    whole, history = learner(), cbs()[1:]
    with whole.no_logging():
        assert whole.fit_one_cycle(6, cbs=history).epochs_run == 5
    log = (tmp_path / "log.csv").read_text()
    first = learner()
    with first.no_logging(), pytest.raises(OSError, match="pulled"):
        first.fit_one_cycle(6, cbs=[*cbs(), Crash()])
    assert (tmp_path / "backup" / "checkpoint.safetensors").exists()
    second, resumed = learner(), cbs()
    with second.no_logging():
        assert second.fit_one_cycle(6, cbs=resumed).epochs_run == 5
    assert resumed[2].history == history[1].history and (tmp_path / "log.csv").read_text() == log
    for name, value in whole.model.state_dict().items():
        assert value.tobytes() == second.model.state_dict()[name].tobytes(), name
    assert not (tmp_path / "backup").exists()
    # Another fit than the one that was cut short is refused, and the backup stays.
    with first.no_logging(), pytest.raises(OSError, match="pulled"):
        learner().fit_one_cycle(6, cbs=[*cbs(), Crash()])
    with second.no_logging(), pytest.raises(ValueError, match="it is of a fit for 6 epochs, which cannot become 4"):
        second.fit_one_cycle(4, cbs=cbs())
    assert (tmp_path / "backup").exists()
    kept = keras.BackupAndRestore(tmp_path / "kept", delete_checkpoint=False)
    with second.no_logging():
        second.fit(1, cbs=kept)
    assert (tmp_path / "kept" / "checkpoint.safetensors").exists()


def test_wrong_options():
    for wrong in (
        lambda: keras.ReduceLROnPlateau(factor=1.0),
        lambda: keras.ModelCheckpoint("x", save_freq="often"),
        lambda: keras.EarlyStopping(mode="up"),
        lambda: keras.BackupAndRestore(""),
        lambda: keras.LambdaCallback(on_epoch=print),
    ):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(TypeError):
        keras.LearningRateScheduler(0.1)


@pytest.mark.parametrize(
    ("monitor", "meant"),
    [
        ("val_acc", "val_accuracy"),
        ("acc", "val_accuracy"),
        ("val_mean_squared_error", "val_mse"),
        ("val_los", "val_loss"),
        ("accurcy", "val_accuracy"),
        ("val_recall", None),
    ],
)
@pytest.mark.parametrize("callback", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_unknown_monitors_are_told_in_keras_words(dls, tmp_path, callback, monitor, meant):
    learn = tabular_learner(dls, layers=[4], metrics=[accuracy, AccumMetric(lambda p, y: 0.0, name="mse")])
    path = {"filepath": tmp_path / "m"} if callback == "ModelCheckpoint" else {}
    with pytest.raises(KeyError) as caught:
        learn.fit(1, cbs=getattr(keras, callback)(**path, monitor=monitor))
    advice = f"; did you mean `{meant}`?" if meant else "."
    there = "There are: loss, val_loss, val_accuracy, val_mse"
    assert str(caught.value) == f"there is no monitor `{monitor}`{advice} {there}"


def test_a_monitor_may_be_changed_or_switched_off(learn):
    early = keras.EarlyStopping("val_acc")
    early.run = False
    with learn.no_logging():
        assert learn.fit(1, cbs=early).completed
        early.run, early.monitor = True, "accuracy"
        learn.fit(1, cbs=early)


def test_a_checkpoint_names_its_monitor_as_keras_does(learn, tmp_path, capsys):
    learn.fit(1, cbs=keras.ModelCheckpoint(tmp_path / "m", verbose=1, save_best_only=True))
    assert "Epoch 1: val_loss improved from None to " in capsys.readouterr().out


def test_the_best_of_batches_by_the_loss_so_far(learn, tmp_path, capsys):
    """The mean of the epoch's rows, as in Keras's logs."""
    losses, saved = [], []
    note = keras.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(float(logs["loss"])))
    best = keras.ModelCheckpoint(
        tmp_path / "{epoch}-{batch}-{loss:.4f}", monitor="loss", save_freq=5, save_best_only=True, verbose=1
    )
    learn.fit(3, 0.01, cbs=[note, best])
    lowest, lines = None, []
    for number in range(4, 48, 5):
        epoch, batch = divmod(number, 16)
        mean = float(np.mean(losses[epoch * 16 : number + 1]))
        before = "None" if lowest is None else f"{lowest:.5f}"
        if lowest is not None and mean >= lowest:
            lines.append(f"Epoch {epoch + 1}: loss did not improve from {before}")
            continue
        lowest = mean
        saved.append(path := tmp_path / f"{epoch + 1}-{batch + 1}-{mean:.4f}")
        lines.append(f"Epoch {epoch + 1}: loss improved from {before} to {mean:.5f}, saving model to {path}")
        lines.append(f"Epoch {epoch + 1}: finished saving model to {path}")
    assert len(saved) > 2 and best.saved == saved and best.best == pytest.approx(lowest)
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch ")] == lines


def test_a_smaller_last_batch_counts_by_its_rows(columns, tmp_path):
    dls = TabularDataLoaders.from_df(
        columns, path=tmp_path, y_names="rich", cat_names=[], cont_names=["hours"], valid_idx=range(128), bs=200
    )
    dls.drop_last = False
    learn = tabular_learner(dls, layers=[4])
    losses = []
    note = keras.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(float(logs["loss"])))
    best = keras.ModelCheckpoint(tmp_path / "m", monitor="loss", save_freq=3, save_best_only=True)
    with learn.no_logging():
        learn.fit(1, cbs=[note, best])
    assert best.best == pytest.approx(np.average(losses, weights=[200, 200, 112]))


def test_batches_that_were_cancelled_have_no_loss(learn, tmp_path, capsys):
    class Cancel(Callback):
        def before_batch(self):
            if self.training and self.train_iter < 2:
                raise CancelBatchException()

    best = keras.ModelCheckpoint(tmp_path / "{batch}", monitor="loss", save_freq=2, save_best_only=True, verbose=1)
    learn.fit(1, cbs=[Cancel(), best])
    assert "Epoch 1: loss did not improve from None" in capsys.readouterr().out
    assert best.saved[0].name == "4" and math.isfinite(best.best)


def test_of_batches_nothing_but_the_loss_is_known(learn, tmp_path):
    """What else is asked for is told before the fit, and every model is saved."""
    often = keras.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=8, save_best_only=True)
    with learn.no_logging(), pytest.warns(UserWarning, match="^Can save best model only with val_loss available"):
        learn.fit(2, cbs=often)
    assert [path.name for path in often.saved] == ["1-8", "1-16", "2-8", "2-16"] and often.best is None


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_a_loss_that_is_no_number_may_be_an_error(learn, policy):
    ended, history = [], keras.History()
    end = keras.LambdaCallback(on_train_end=lambda logs: ended.append(True))
    with learn.no_logging():
        with pytest.raises(RuntimeError, match=r"^NaN or Inf loss encountered at batch 1\. Loss value: (inf|nan)\. Term"):
            learn.fit(2, 1e38, cbs=[keras.TerminateOnNaN(raise_error=True), end, history], non_finite=policy)
        assert ended == [True] and history.epoch == []
        sound = tabular_learner(learn.dls, layers=[4])
        with sound.no_logging():
            assert sound.fit(1, cbs=keras.TerminateOnNaN(raise_error=True)).completed


def test_a_fit_that_ends_before_its_first_batch_has_no_loss(learn):
    def end():
        raise CancelFitException()

    with learn.no_logging():
        report = learn.fit(1, cbs=[keras.TerminateOnNaN(raise_error=True), Callback(before_epoch=end)])
    assert report.epochs_run == 0
