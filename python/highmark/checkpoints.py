"""Keras's callbacks that write models: part of :mod:`highmark.callbacks`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ._highmark import Monitor
from .exceptions import CancelEpochException, UnknownNameError
from .tabular import callback as fastai
from .tabular.checks import real, text

__all__ = ["BackupAndRestore", "ModelCheckpoint", "column", "mode_direction"]

_MODES = {"auto": None, "min": "lower", "max": "higher"}


def column(monitor: Any) -> str:
    """highmark's name of what Keras calls ``monitor``."""
    name = text("monitor", monitor)
    if name == "loss":
        return "train_loss"
    return "valid_loss" if name == "val_loss" else name.removeprefix("val_")


def mode_direction(mode: str) -> str | None:
    if mode not in _MODES:
        raise ValueError(f"mode: {mode!r} is not auto, min or max")
    return _MODES[mode]


class ModelCheckpoint(fastai.Callback):
    """Saves the model after each epoch, or only when ``monitor`` improves, to ``filepath``, which may hold ``{epoch}`` (from
    1) and logs: ``{epoch:02d}-{val_loss:.2f}``. The file is a model of highmark, whatever its ending. Nothing is handed back.

    ``save_freq`` may be a number of training batches.
    """

    order = 61
    run_valid = False

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
        self.monitor = column(monitor)
        self.verbose = verbose
        self.save_best_only = bool(save_best_only)
        self.save_weights_only = bool(save_weights_only)
        self.save_freq = save_freq
        best = None if initial_value_threshold is None else real("initial_value_threshold", initial_value_threshold)
        spec = {"name": self.monitor, "direction": mode_direction(mode), "best": best}
        self._monitor = Monitor(json.dumps(spec))
        self._batches = 0
        self.saved: list[Path] = []
        if save_freq != "epoch":
            self.after_batch = self._count_batch

    @property
    def best(self) -> float | None:
        """The best value so far."""
        return self._monitor.best

    def before_fit(self) -> None:
        self._batches = 0
        # Keras's best outlives the fit.
        self._monitor.start(self.learn._core, False)

    def after_epoch(self) -> None:
        if self.save_freq == "epoch":
            self._save(self._logs(), None)

    def _count_batch(self) -> None:
        self._batches += 1
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._logs() | {"loss": self.learn.loss}, self.learn.iter)

    def _logs(self) -> dict[str, Any]:
        rows = [row for row in self.learn.recorder_values() if row[1] is not None]
        if not rows:
            return {}
        names = ["loss", "val_loss", *(f"val_{name}" for name in self.learn._metric_names)]
        return dict(zip(names, rows[-1], strict=True))

    def _save(self, logs: dict[str, Any], batch: int | None) -> None:
        epoch, before = self.learn.epoch + 1, self._monitor.best
        if self.save_best_only:
            value = self._monitor.value(self.learn._core)
            if value is None or not self._monitor.update(value):
                self._say(f"\nEpoch {epoch}: {self.monitor} did not improve from {_shown(before)}")
                return
            shown = f"{self.monitor} improved from {_shown(before)} to {value:.5f}, saving model to "
        else:
            shown = "saving model to "
        try:
            path = Path(self.filepath.format(epoch=epoch, **({} if batch is None else {"batch": batch}), **logs))
        except KeyError as error:
            raise UnknownNameError(
                f"Failed to format this callback filepath: {self.filepath!r}. There is no {error}. "
                f"There are: {', '.join(['epoch', *logs])}"
            ) from None
        self._say(f"\nEpoch {epoch}: {shown}{path}")
        self.learn._trainer.save(path, not self.save_weights_only)
        self.saved.append(path)

    def _say(self, line: str) -> None:
        if self.verbose:
            self.learn._trainer.say(line)


def _shown(best: float | None) -> str:
    return "None" if best is None else f"{best:.5f}"


class BackupAndRestore(fastai.Callback):
    """Saves model, optimizer and the number of finished epochs to ``backup_dir`` after each epoch (``save_freq``: or so many
    training batches), and takes them up when a fit begins that was cut short before. The folder goes when a fit ends well.

    As in Keras, the rest of the fit draws its rows anew: it is not to the bit the one that would have come.
    """

    order = 70
    run_valid = False

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
        self._epochs = 0
        self._finished = False
        if save_freq != "epoch":
            self.after_batch = self._count_batch

    @property
    def _files(self) -> tuple[Path, Path]:
        return self.backup_dir / "latest.safetensors", self.backup_dir / "training_metadata.json"

    def before_fit(self) -> None:
        self._finished, self._epochs = False, 0
        weights, metadata = self._files
        if weights.exists() and metadata.exists():
            self._epochs = int(json.loads(metadata.read_text())["epoch"])
            self.learn._trainer.load(weights, True)

    def before_epoch(self) -> None:
        if self.learn.epoch < self._epochs:
            raise CancelEpochException("it was trained before")

    def after_epoch(self) -> None:
        if self.learn.epoch >= self._epochs:
            self._finished = self.learn.epoch + 1 == self.learn.n_epoch
            self._save(self.learn.epoch + 1)

    def _count_batch(self) -> None:
        if (self.learn.iter) % int(self.save_freq) == 0:
            self._save(self.learn.epoch)

    def _save(self, epoch: int) -> None:
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        weights, metadata = self._files
        self.learn._trainer.save(weights, True)
        part = metadata.with_suffix(".part")
        part.write_text(json.dumps({"epoch": epoch, "batch": self.learn.iter}))
        part.replace(metadata)

    def after_cancel_fit(self) -> None:
        self._finished = True

    def after_fit(self) -> None:
        if self._finished and self.delete_checkpoint:
            for file in self._files:
                file.unlink(missing_ok=True)
            if self.backup_dir.exists() and not any(self.backup_dir.iterdir()):
                self.backup_dir.rmdir()
