"""Keras's callbacks in the same fit."""

import json
import math

import pytest

import highmark.callbacks as keras
from highmark.tabular.all import EarlyStoppingCallback, tabular_learner


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
    assert seen == [(epoch, ["loss", "val_accuracy", "val_loss"]) for epoch in range(3)]
    assert [len(list(tmp_path.glob(f"m-0{n}-*.keras"))) for n in (1, 2, 3)] == [1, 1, 1]
    assert "Epoch 2: saving model to " in out
    log = (tmp_path / "log.csv").read_text().splitlines()
    assert log[0] == "epoch,loss,val_accuracy,val_loss" and len(log) == 4
    assert history.epoch == [0, 1, 2] and history.history["val_loss"] == [row[1] for row in learn.recorder.values]
    assert learn.recorder.lrs[::16] == [0.01, 0.005, pytest.approx(0.01 / 3)]


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
    assert report.epochs_run == 2 and report.stop_reason == "mine: stop_training was set"
    assert seen == [
        ("begin", {"epochs": 5, "steps": 16}),
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


def test_backup_and_restore(dls, tmp_path):
    def backup():
        return keras.BackupAndRestore(tmp_path / "backup")

    class Crash(keras.Callback):
        def on_epoch_end(self, epoch, logs):
            if epoch == 1:
                raise OSError("pulled the plug")

    first = tabular_learner(dls, layers=[8])
    with first.no_logging(), pytest.raises(OSError, match="pulled"):
        first.fit(4, cbs=[backup(), Crash()])
    assert json.loads((tmp_path / "backup" / "training_metadata.json").read_text())["epoch"] == 1
    second = tabular_learner(dls, layers=[8])
    with second.no_logging():
        second.fit(4, cbs=backup())
    assert [row[0] is None for row in second.recorder.values] == [True, False, False, False]
    assert not (tmp_path / "backup").exists()


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
