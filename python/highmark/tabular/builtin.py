"""The library's callbacks under fastai's names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .callback import Native, NativeTracker, PatientTracker
from .checks import count, direction, real, text

__all__ = [
    "CSVLogger",
    "EarlyStoppingCallback",
    "GradientAccumulation",
    "GradientClip",
    "ReduceLROnPlateau",
    "SaveModelCallback",
    "SkipToEpoch",
    "TerminateOnNaNCallback",
]


class _Tracker(NativeTracker):
    """A tracker of the library with fastai's words."""

    def __init__(self, monitor: str, comp: Any, min_delta: float, reset_on_fit: bool) -> None:
        super().__init__()
        self.monitor = text("monitor", monitor)
        self.comp = comp
        self.min_delta = real("min_delta", min_delta)
        self.reset_on_fit = bool(reset_on_fit)
        direction(comp)

    def _monitor_spec(self) -> dict[str, Any]:
        return {"name": self.monitor, "direction": direction(self.comp), "min_delta": real("min_delta", self.min_delta)}


class EarlyStoppingCallback(_Tracker, PatientTracker):
    """Ends the fit when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs."""

    order = 63
    _listens = ("before_fit", "after_epoch", "after_fit")

    def __init__(
        self,
        monitor: str = "valid_loss",
        comp: Any = None,
        min_delta: float = 0.0,
        patience: int = 1,
        reset_on_fit: bool = True,
    ) -> None:
        super().__init__(monitor, comp, min_delta, reset_on_fit)
        self.patience = count("patience", patience)

    def _spec(self) -> dict[str, Any]:
        return {
            "kind": "early_stopping",
            "monitor": self._monitor_spec(),
            "patience": count("patience", self.patience),
            "baseline": None,
            "start_from_epoch": 0,
            "restore_best": False,
            "reset_on_fit": self.reset_on_fit,
        }

    @property
    def new_best(self) -> bool:
        """Whether the last epoch was the best so far."""
        return self.best is not None and self.wait == 0


class SaveModelCallback(_Tracker):
    """Saves the best model as ``fname`` in the learner's model folder, and hands it back at the end whatever ended the fit.

    ``every_epoch`` (yes, or a number of epochs) saves ``<fname>_<epoch>`` instead and hands nothing back; ``at_end`` saves
    the last model over the best.
    """

    order = 61
    _listens = ("before_fit", "after_epoch", "after_fit")

    def __init__(
        self,
        monitor: str = "valid_loss",
        comp: Any = None,
        min_delta: float = 0.0,
        fname: str = "model",
        every_epoch: bool | int = False,
        at_end: bool = False,
        with_opt: bool = False,
        reset_on_fit: bool = True,
    ) -> None:
        super().__init__(monitor, comp, min_delta, reset_on_fit)
        if every_epoch and at_end:
            raise ValueError("every_epoch and at_end cannot both be set to True")
        self.fname = fname
        self.every_epoch = every_epoch
        self.at_end = bool(at_end)
        self.with_opt = bool(with_opt)

    def _spec(self) -> dict[str, Any]:
        path = self.learn._model_path(self.fname) if self.learn is not None else Path(f"{self.fname}.safetensors")
        return {
            "kind": "save_best",
            "monitor": self._monitor_spec(),
            "path": os.fspath(path),
            "every_epoch": count("every_epoch", int(self.every_epoch)) if self.every_epoch else None,
            "at_end": self.at_end,
            "with_optimizer": self.with_opt,
            "reset_on_fit": self.reset_on_fit,
        }

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose model was the best of the last fit, from 0."""
        epoch: int | None = self._state().get("best_epoch")
        return epoch

    @property
    def new_best(self) -> bool:
        """Whether the last epoch was the best so far."""
        rows = [] if self.learn is None else self.learn._trainer.history()["rows"]
        return bool(rows) and rows[-1][0] == self.best_epoch

    @property
    def saved(self) -> list[Path]:
        """The files written in the last fit."""
        return [Path(file) for file in self._state().get("files", [])]

    @property
    def last_saved_path(self) -> Path | None:
        """The last of them."""
        return self.saved[-1] if self.saved else None


class ReduceLROnPlateau(_Tracker, PatientTracker):
    """Divides the learning rate by ``factor`` when ``monitor`` has not improved for ``patience`` epochs."""

    order = 62
    _listens = ("before_fit", "after_epoch")

    def __init__(
        self,
        monitor: str = "valid_loss",
        comp: Any = None,
        min_delta: float = 0.0,
        patience: int = 1,
        factor: float = 10.0,
        min_lr: float = 0,
        reset_on_fit: bool = True,
    ) -> None:
        super().__init__(monitor, comp, min_delta, reset_on_fit)
        self.patience = count("patience", patience)
        self.factor = real("factor", factor)
        self.min_lr = real("min_lr", min_lr)

    def _spec(self) -> dict[str, Any]:
        return {
            "kind": "reduce_lr",
            "monitor": self._monitor_spec(),
            "patience": count("patience", self.patience),
            "divide_by": real("factor", self.factor),
            "multiply_by": None,
            "cooldown": 0,
            "min_lr": real("min_lr", self.min_lr),
            "reset_on_fit": self.reset_on_fit,
        }


class TerminateOnNaNCallback(Native):
    """Ends the fit at the first batch whose loss is no number."""

    order = -9
    _listens = ("after_batch",)

    @property
    def name(self) -> str:
        return "terminate_on_nan"

    def _spec(self) -> dict[str, Any]:
        return {"kind": "terminate_on_nan"}


class CSVLogger(Native):
    """Writes the table of epochs to ``fname`` in the learner's folder, each line as soon as there is one."""

    order = 60
    _listens = ("before_fit", "after_epoch")

    def __init__(self, fname: str = "history.csv", append: bool = False) -> None:
        super().__init__()
        self.fname = Path(fname)
        self.append = bool(append)

    @property
    def name(self) -> str:
        return "csv_logger"

    @property
    def _path(self) -> Path:
        return self.learn.path / self.fname if self.learn is not None else self.fname

    def _spec(self) -> dict[str, Any]:
        return {"kind": "csv_logger", "path": os.fspath(self._path), "append": self.append}

    def read_log(self) -> Any:
        """The file, as a DataFrame of pandas."""
        import pandas as pd

        return pd.read_csv(self._path)


class GradientClip(Native):
    """Shrinks the gradients of each step to a Euclidean norm of at most ``max_norm``."""

    order = 11
    _listens = ("before_step",)

    def __init__(self, max_norm: float = 1.0, norm_type: float = 2.0) -> None:
        super().__init__()
        if norm_type != 2:
            raise ValueError(f"norm_type: only the Euclidean norm, 2, is there, not {norm_type}")
        if real("max_norm", max_norm) <= 0:
            raise ValueError(f"max_norm: must be above 0, not {max_norm}")
        self.max_norm = float(max_norm)

    def _spec(self) -> dict[str, Any]:
        return {"kind": "clip", "clip": {"norm": real("max_norm", self.max_norm)}}


class GradientAccumulation(Native):
    """Gathers the gradients of ``n_acc`` rows before a step."""

    order = 6
    run_valid = False
    _listens = ("before_fit", "after_loss", "before_step")

    def __init__(self, n_acc: int = 32) -> None:
        super().__init__()
        self.n_acc = count("n_acc", n_acc)

    def _spec(self) -> dict[str, Any]:
        return {"kind": "accumulate", "rows": count("n_acc", self.n_acc)}


class SkipToEpoch(Native):
    order = 70

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.until = count("start_epoch", epoch)

    def _spec(self) -> dict[str, Any]:
        return {"kind": "skip_epochs", "until": self.until}
