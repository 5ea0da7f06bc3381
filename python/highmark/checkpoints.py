"""Keras's callbacks that write models: part of :mod:`highmark.callbacks`."""

from __future__ import annotations

import json
import math
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from ._highmark import Monitor
from .exceptions import UnknownNameError
from .keras_hooks import Hookless, names_of_logs
from .notices import notice
from .tabular import callback as fastai
from .tabular.checks import real, text
from .tabular.fit_options import Checkpoint

__all__ = ["BackupAndRestore", "ModelCheckpoint", "check_monitor", "column", "mode_direction"]

_MODES = {"auto": None, "min": "lower", "max": "higher"}


def column(monitor: str) -> str:
    """highmark's name of what Keras calls ``monitor``."""
    if monitor == "loss":
        return "train_loss"
    return "valid_loss" if monitor == "val_loss" else monitor.removeprefix("val_")


# What Keras calls metrics when they are asked for in short, and what they are called here.
_SHORT = {
    "acc": "accuracy",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "root_mean_squared_error": "rmse",
    "auc": "roc_auc_score",
}


def check_monitor(monitor: str, metrics: list[str]) -> None:
    """An error for a column that does not exist, with the names that Keras gives to those which do."""
    if column(monitor) not in ("train_loss", "valid_loss", *metrics):
        known = names_of_logs(metrics)
        raise UnknownNameError(f"there is no monitor `{monitor}`{_advice(monitor, known)} There are: {', '.join(known)}")


def _advice(name: str, known: list[str]) -> str:
    word = name.lower().removeprefix("val_")
    meant = [f"val_{name}" for name in (_SHORT.get(word, word), word) if f"val_{name}" in known]
    meant += get_close_matches(name, known, 1) or get_close_matches(f"val_{word}", known, 1)
    return f"; did you mean `{meant[0]}`?" if meant else "."


def mode_direction(mode: str) -> str | None:
    if mode not in _MODES:
        raise ValueError(f"mode: {mode!r} is not auto, min or max")
    return _MODES[mode]


class ModelCheckpoint(Hookless):
    """Saves the model after each epoch, or only when ``monitor`` improves, to ``filepath``, which may hold ``{epoch}`` (from
    1) and logs: ``{epoch:02d}-{val_loss:.2f}``. The file is a model of highmark, whatever its ending. Nothing is handed back.

    ``save_freq`` may be a number of training batches. Then ``loss``, which may be the monitor and in the file name, is the mean
    of the epoch so far.
    """

    order = 61
    run_valid = False
    _tracks = True

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__()
        if save_freq != "epoch" and (isinstance(save_freq, (str, bool)) or not isinstance(save_freq, int)):
            raise ValueError(f"Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or an integer value.")
        self.filepath = os.fspath(filepath)
        self.monitor = text("monitor", monitor)
        self.mode = mode
        self.verbose = verbose
        self.save_best_only = bool(save_best_only)
        self.save_weights_only = bool(save_weights_only)
        self.save_freq = save_freq
        best = None if initial_value_threshold is None else real("initial_value_threshold", initial_value_threshold)
        spec = {"name": self._watched, "direction": mode_direction(mode), "best": best, "first_is_best": True}
        self._monitor = Monitor(json.dumps(spec))
        self._batches = 0
        self.saved: list[Path] = []
        if save_freq != "epoch":
            self.after_batch = self._count_batch

    @property
    def best(self) -> float | None:
        """The best value so far."""
        return self._monitor.best

    @property
    def _watched(self) -> str:
        return column(self.monitor)

    @property
    def _judges(self) -> bool:
        # Nothing else is known of a batch.
        return self.save_best_only and (self.save_freq == "epoch" or self._watched == "train_loss")

    def _prepare(self) -> None:
        check_monitor(self.monitor, self.learn._metric_names)
        by_epoch = self.save_freq == "epoch"
        names = names_of_logs(self.learn._metric_names) if by_epoch else ["loss"]
        self._path(1, None if by_epoch else 1, dict.fromkeys(names, 1.0))
        if self.save_best_only and not self._judges:
            notice(
                f"Can save best model only with {self.monitor} available. Of batches `loss` alone is known, so the model is "
                'saved every time; monitor="loss" or save_freq="epoch" saves the best'
            )

    def before_fit(self) -> None:
        self._batches = 0
        # Keras's best outlives the fit.
        self._monitor.start(self.learn._core, False)

    def after_epoch(self) -> None:
        if self.save_freq == "epoch":
            self._save(self._logs(), None, self._monitor.value(self.learn._core))

    def _count_batch(self) -> None:
        self._batches += 1
        if self._batches >= int(self.save_freq):
            self._batches = 0
            loss = self._loss_so_far()
            self._save({"loss": loss}, self.learn.iter + 1, loss)

    def _loss_so_far(self) -> float:
        losses = self.learn.recorder.batch_losses[-self.learn.iter - 1 :]
        rows = np.full(len(losses), self.learn.dls.train.bs)
        # The last batch of an epoch may be smaller.
        rows[-1:] = len(self.learn.y)
        # A batch that somebody has cancelled has no loss.
        return float(np.average(losses, weights=rows)) if len(losses) else math.nan

    def _logs(self) -> dict[str, Any]:
        rows = [row for row in self.learn.recorder_values() if row[1] is not None]
        if not rows:
            return {}
        return dict(zip(names_of_logs(self.learn._metric_names), rows[-1], strict=True))

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> Path:
        logs = {"epoch": epoch, **({} if batch is None else {"batch": batch}), **logs}
        try:
            return Path(self.filepath.format(**logs))
        except KeyError as error:
            name = str(error.args[0])
            raise UnknownNameError(
                f"Failed to format this callback filepath: {self.filepath!r}. There is no `{name}`{_advice(name, [*logs])} "
                f"There are: {', '.join(logs)}"
            ) from None

    def _save(self, logs: dict[str, Any], batch: int | None, value: float | None) -> None:
        epoch, before, improved = self.learn.epoch + 1, self._monitor.best, ""
        if self._judges:
            if value is None or not self._monitor.update(value):
                self._say(f"\nEpoch {epoch}: {self.monitor} did not improve from {_shown(before)}")
                return
            improved = f"{self.monitor} improved from {_shown(before)} to {value:.5f}, "
        path = self._path(epoch, batch, logs)
        self._say(f"\nEpoch {epoch}: {improved}saving model to {path}")
        self.learn._trainer.save(path, not self.save_weights_only)
        self.saved.append(path)
        self._say(f"\nEpoch {epoch}: finished saving model to {path}")

    def state_dict(self) -> dict[str, Any]:
        return {"monitor": self._monitor.state(), "batches": self._batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._monitor.load_state(state["monitor"])
        self._batches = state["batches"]

    def _say(self, line: str) -> None:
        if self.verbose:
            self.learn._trainer.say(line)


def _shown(best: float | None) -> str:
    return "None" if best is None else f"{best:.5f}"


class BackupAndRestore(Hookless):
    """Saves the whole fit to ``backup_dir`` after each epoch (``save_freq``: or so many training batches). When the same fit
    is called again after it was cut short, it goes on from there, to the same bits as if nothing had happened. The folder
    goes when the fit ends by itself.

    It must be the same fit: other epochs, rates or data are an error that names them. The last two backups are kept, so
    ``double_checkpoint`` changes nothing.
    """

    order = 70

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not os.fspath(backup_dir):
            raise ValueError("Empty `backup_dir` argument passed")
        if save_freq != "epoch" and (isinstance(save_freq, (str, bool)) or not isinstance(save_freq, int)):
            raise ValueError("save_freq: 'epoch' or a number of batches is needed")
        self.backup_dir = Path(backup_dir)
        self.save_freq = save_freq
        self.delete_checkpoint = bool(delete_checkpoint)

    def _checkpoint(self) -> Checkpoint:
        if self.save_freq == "epoch":
            return Checkpoint(self.backup_dir, seconds=None)
        return Checkpoint(self.backup_dir, steps=int(self.save_freq), seconds=None, epochs=None)

    def _ended(self) -> None:
        if not self.delete_checkpoint:
            return
        for name in ("checkpoint.safetensors", "checkpoint-previous.safetensors"):
            (self.backup_dir / name).unlink(missing_ok=True)
        if self.backup_dir.exists() and not any(self.backup_dir.iterdir()):
            self.backup_dir.rmdir()
