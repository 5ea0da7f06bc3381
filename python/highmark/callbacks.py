"""Callbacks under Keras's names and with its semantics, for the same ``fit`` as fastai's.

Logs have Keras's names: ``loss`` is the training loss (smoothed, as highmark shows it), ``val_loss`` and ``val_<metric>`` are of the
validation rows. ``monitor`` takes these names, and highmark's own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable as Function
from pathlib import Path
from typing import Any

import numpy as np

from .checkpoints import BackupAndRestore, ModelCheckpoint, check_monitor, column, mode_direction
from .keras_hooks import HOOKS, Callback, Hookless
from .tabular.builtin import TerminateOnNaNCallback
from .tabular.callback import PatientTracker
from .tabular.checks import count, real, text

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]


class _Tracker(Hookless, PatientTracker):
    """A tracker of the library with Keras's words."""

    _tracks = True

    def __init__(self, monitor: str, mode: str, min_delta: float, verbose: int) -> None:
        super().__init__()
        self.monitor = text("monitor", monitor)
        self.mode = mode
        mode_direction(mode)
        self.min_delta = abs(real("min_delta", min_delta))
        self.verbose = verbose

    def _monitor_spec(self) -> dict[str, Any]:
        direction = mode_direction(self.mode)
        return {"name": self._watched, "direction": direction, "min_delta": self.min_delta, "first_is_best": True}

    def _prepare(self) -> None:
        check_monitor(self.monitor, self.learn._metric_names)

    @property
    def _watched(self) -> str:
        return column(self.monitor)


class EarlyStopping(_Tracker):
    """Ends the fit when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs. With
    ``restore_best_weights`` the learner holds the best model afterwards, whatever ended the fit."""

    order = 63
    _listens = ("before_fit", "after_epoch", "after_fit")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta, verbose)
        self.patience = count("patience", patience)
        self.baseline = None if baseline is None else real("baseline", baseline)
        self.restore_best_weights = bool(restore_best_weights)
        self.start_from_epoch = count("start_from_epoch", start_from_epoch)
        self.stopped_epoch = 0

    def _spec(self) -> dict[str, Any]:
        return {
            "kind": "early_stopping",
            "monitor": self._monitor_spec(),
            "patience": self.patience,
            "baseline": self.baseline,
            "start_from_epoch": self.start_from_epoch,
            "restore_best": self.restore_best_weights,
            "reset_on_fit": True,
        }

    def _observer(self) -> Function[[str | None, int], str | None]:
        stopped: list[int] = []

        def heard(line: str | None, epoch: int) -> str | None:
            if line is not None:
                stopped[:] = [epoch]
                self.stopped_epoch, self.learn.stop_training = epoch, True
                return None
            said = [f"Epoch {stopped[0] + 1}: early stopping"] if stopped else []
            stopped.clear()
            if self.restore_best_weights and self._last_best is not None:
                said.append(f"Restoring model weights from the end of the best epoch: {self._last_best + 1}.")
            return "\n".join(said) if self.verbose and said else None

        return heard

    def _prepare(self) -> None:
        super()._prepare()
        self.stopped_epoch, self.learn.stop_training = 0, False

    @property
    def _last_best(self) -> int | None:
        epoch: int | None = self._state().get("state", {}).get("best_epoch")
        return epoch

    @property
    def best_epoch(self) -> int:
        """The epoch of the best value, from 0."""
        return self._last_best or 0


class ReduceLROnPlateau(_Tracker):
    """Multiplies the learning rate by ``factor`` when ``monitor`` has not improved for ``patience`` epochs."""

    order = 62
    _sets_rate = True
    _listens = ("before_fit", "after_epoch")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta, verbose)
        if real("factor", factor) >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor = float(factor)
        self.patience = count("patience", patience)
        self.cooldown = count("cooldown", cooldown)
        self.min_lr = real("min_lr", min_lr)

    def _spec(self) -> dict[str, Any]:
        return {
            "kind": "reduce_lr",
            "monitor": self._monitor_spec(),
            "patience": self.patience,
            "divide_by": None,
            "multiply_by": self.factor,
            "cooldown": self.cooldown,
            "min_lr": self.min_lr,
            "reset_on_fit": True,
        }

    @property
    def cooldown_counter(self) -> int:
        """Epochs of ``cooldown`` that are left."""
        return int(self._state().get("state", {}).get("cooling", 0))

    def _observer(self) -> Function[[str | None, int], str | None]:
        def heard(line: str | None, epoch: int) -> str | None:
            if line is None or not self.verbose:
                return None
            lr = line.rsplit(" ", 1)[-1]
            return f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lr}."

        return heard


class TerminateOnNaN(Hookless, TerminateOnNaNCallback):
    """Ends the fit at the first batch whose loss is no number; with ``raise_error`` by a ``RuntimeError``, whether it was this
    callback that ended it or what the fit does by itself about such a loss."""

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = bool(raise_error)
        if raise_error:
            self.after_cancel_fit = self._raise

    def _raise(self) -> None:
        loss = self.learn.loss
        # Before the first batch there is none.
        if self.learn.train_iter and not math.isfinite(loss):
            # Whether this batch was left in its middle or at its end.
            batch = (self.learn.train_iter - 1) % len(self.learn.dls.train)
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating training immediately."
            )


class CSVLogger(Callback):
    """Writes a row an epoch: the epoch (from 0) and the logs by name, sorted."""

    order = 63.4

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = Path(filename)
        self.sep = separator
        self.append = append
        self._keys: list[str] | None = None

    def on_train_begin(self, logs: dict[str, float]) -> None:
        self._keys = None
        if not self.append and not self.learn.resumed:
            self.filename.write_text("", encoding="utf-8")

    def state_dict(self) -> dict[str, Any]:
        return {"keys": self._keys, "size": self.filename.stat().st_size if self.filename.exists() else 0}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._keys = state["keys"]
        if self.filename.exists():
            # Rows of epochs that come again.
            os.truncate(self.filename, min(state["size"], self.filename.stat().st_size))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        with self.filename.open("a", encoding="utf-8", newline="") as file:
            if self._keys is None:
                self._keys = sorted(logs)
                if self.filename.stat().st_size == 0:
                    file.write(self.sep.join(["epoch", *self._keys]) + "\r\n")
            file.write(self.sep.join([str(epoch), *(str(logs.get(key, "NA")) for key in self._keys)]) + "\r\n")


class History(Callback):
    """The logs of every epoch: ``history.history`` by name, ``history.epoch`` their numbers."""

    order = 63.4

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history, self.epoch = state["history"], state["epoch"]


class LambdaCallback(Callback):
    """Hooks from functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))``."""

    def __init__(self, **hooks: Function[..., Any] | None) -> None:
        super().__init__()
        for name, function in hooks.items():
            if name not in HOOKS:
                raise ValueError(f"there is no hook `{name}`. There are: {', '.join(HOOKS)}")
            if function is not None:
                setattr(self, name, function)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch to ``schedule(epoch, lr)``, or ``schedule(epoch)``. For
    ``learn.fit``: the other kinds of fit have their own schedule of the rate."""

    order = 50
    _sets_rate = True

    def __init__(self, schedule: Function[..., Any], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise TypeError(f"schedule: a function of the epoch and the rate is needed, not {schedule!r}")
        self.schedule = schedule
        self.verbose = verbose

    def _prepare(self) -> None:
        super()._prepare()
        if self.learn._schedule != "flat":
            raise ValueError(
                f"LearningRateScheduler: this kind of fit has a schedule of its own ({self.learn._schedule}), which sets the "
                "rate at every batch; learn.fit(...) keeps to this one"
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float]) -> None:
        lr = self.learn.opt.hypers[-1]["lr"]
        try:
            lr = self.schedule(epoch, lr)
        except TypeError:
            lr = self.schedule(epoch)
        if isinstance(lr, bool) or not isinstance(lr, (int, float, np.floating)):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {lr}")
        self.learn.opt.set_hyper("lr", float(lr))
        if self.verbose:
            self.learn._trainer.say(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {lr}.")


class TensorBoard(Callback):
    """Not there: what a fit records is written by :class:`CSVLogger`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("TensorBoard: highmark writes no event files; CSVLogger(file) writes the same numbers")
