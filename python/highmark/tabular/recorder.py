"""What a fit shows and records."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from .callback import Callback
from .metrics import CoreMetric, Metric
from .number import Number

if TYPE_CHECKING:
    from .learner import Learner

__all__ = ["ProgressCallback", "Recorder", "ShowGraphCallback"]


class ProgressCallback(Callback):
    """Shows the table of epochs, and a bar where a person looks on. Every learner has one; ``no_bar`` takes it out."""

    order = 60

    @property
    def name(self) -> str:
        return "progress"


class ShowGraphCallback(Callback):
    """Redraws the losses after each epoch, in a notebook."""

    order = 65

    def __init__(self) -> None:
        super().__init__()
        self._handle: Any = None

    def before_fit(self) -> None:
        self._handle = None

    def after_epoch(self) -> None:
        from ..screen import in_notebook

        if not in_notebook():
            return
        import matplotlib.pyplot as plt
        from IPython.display import display

        figure, axes = plt.subplots(figsize=(6, 4))
        self.learn.recorder.plot_loss(skip_start=0, ax=axes)
        plt.close(figure)
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)


class Average(Number):
    """A mean loss, which fastai has as an object with a ``value``."""

    @property
    def value(self) -> Number:
        """The number."""
        return Number(self)


def _valued(metric: Metric | CoreMetric, value: float | None) -> Metric | CoreMetric:
    if isinstance(metric, CoreMetric):
        metric = copy(metric)
        metric.value = value
    return metric


class Recorder(Callback):
    """The record of the last fit: ``values`` (a row an epoch), ``losses`` (smoothed) and ``lrs`` (a number a training batch),
    ``iters`` (training batches at the end of each epoch), ``metric_names`` and ``log``."""

    order = 50
    learn: Learner
    # The smoothed losses that were asked for last, as the history had them, and as numbers.
    _smooth: tuple[np.ndarray, list[Number]] | None = None

    @property
    def train_metrics(self) -> bool:
        """Whether metrics of the training rows are recorded, which they are not."""
        return False

    @train_metrics.setter
    def train_metrics(self, value: bool) -> None:
        if value:
            raise AttributeError(
                "train_metrics: metrics of the training rows are not recorded; learn.validate(0) computes them, in a "
                "callback's after_epoch too"
            )

    def _history(self) -> dict[str, Any]:
        return self.learn._trainer.history()

    @property
    def metric_names(self) -> list[str]:
        return ["epoch", "train_loss", "valid_loss", *self.learn._metric_names, "time"]

    @property
    def values(self) -> list[list[float | None]]:
        return self.learn.recorder_values()

    @property
    def log(self) -> list[Any]:
        """The latest row, with its epoch and its time."""
        from ..screen import clock

        rows = self._history()["rows"]
        if not rows:
            return []
        epoch, train, valid, metrics, seconds = rows[-1]
        return [epoch, train, valid, *metrics, clock(seconds)]

    @property
    def losses(self) -> list[Number]:
        # Hooks ask in every batch: only what is new since becomes numbers, unless the history is another one.
        now = self._history()["smooth_losses"]
        known, numbers = self._smooth or (now[:0], [])
        if not np.array_equal(known, now[: len(known)], equal_nan=True):
            numbers = []
        numbers.extend(map(Number, now[len(numbers) :]))
        self._smooth = now, numbers
        # A copy, that what is changed in it is not there the next time.
        return numbers.copy()

    @property
    def batch_losses(self) -> np.ndarray:
        """The loss of each training batch, not smoothed."""
        return self._history()["losses"]

    @property
    def lrs(self) -> list[float]:
        return self._history()["lrs"].tolist()

    @property
    def iters(self) -> list[int]:
        return self._history()["iters"]

    @property
    def smooth_loss(self) -> Average:
        """The smoothed training loss."""
        return Average(self.learn.smooth_loss)

    @property
    def loss(self) -> Average | None:
        """The mean loss of the validation rows in the last epoch."""
        values = self.values
        return Average(values[-1][1]) if values and values[-1][1] is not None else None

    @property
    def metrics(self) -> list[Metric | CoreMetric]:
        """Those of the learner, each with its ``value`` of the last epoch."""
        history = self._history()
        # By name, as the learner may have others since; an epoch that was skipped has none.
        values = history["rows"][-1][3] if history["rows"] else None
        row = dict(zip(history["metric_names"], values, strict=True)) if values else {}
        return [_valued(metric, row.get(metric.name)) for metric in self.learn.metrics]

    @property
    def hps(self) -> dict[str, list[float]]:
        """Learning rate and momentum of each training batch."""
        history = self._history()
        return {"lr": history["lrs"].tolist(), "mom": history["moms"].tolist()}

    def plot_loss(
        self, skip_start: int = 5, with_valid: bool = True, log: bool = False, show_epochs: bool = False, ax: Any = None
    ) -> Any:
        """Draws the smoothed training loss by batch, and the validation loss by epoch, in the current axes unless ``ax``
        says others."""
        from .. import plot

        return plot.loss(self, skip_start, with_valid, log, show_epochs, ax)

    def plot_lr_find(
        self,
        skip_end: int = 5,
        return_fig: bool = True,
        suggestions: Any = None,
        nms: Any = None,
        log: bool = False,
        ax: Any = None,
    ) -> None:
        """Draws the last range test of rates, and ``suggestions``, pairs of a rate and a loss, under the names ``nms``. With
        ``log`` the losses have a logarithmic axis too; ``return_fig`` changes nothing, as in fastai."""
        from .. import plot

        if self.learn._found is None:
            raise ValueError("there is no range test yet; learn.lr_find() makes one")
        points = dict(zip(nms or [], suggestions or [], strict=True))
        plot.lr_find(self.learn._found, points, skip_end, log, ax)

    def plot_sched(self, keys: Any = None, figsize: tuple[float, float] | None = None) -> None:
        """Draws learning rate and momentum by batch."""
        from .. import plot

        plot.schedule(self, keys, figsize)

    def plot_metrics(self, ax: Any = None) -> Any:
        """Draws the metrics by epoch."""
        from .. import plot

        return plot.metrics(self, ax)
