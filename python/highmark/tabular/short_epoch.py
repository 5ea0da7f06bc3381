"""A callback that leaves most of an epoch out."""

from __future__ import annotations

from ..exceptions import CancelTrainException, CancelValidException
from .callback import Callback

__all__ = ["ShortEpochCallback"]


class ShortEpochCallback(Callback):
    """Ends training in each epoch after the share ``pct`` of its batches, and validation too if ``short_valid``: to try a
    script out."""

    def __init__(self, pct: float = 0.01, short_valid: bool = True) -> None:
        super().__init__()
        self.pct, self.short_valid = pct, short_valid

    def after_batch(self) -> None:
        if self.learn.iter / self.learn.n_iter < self.pct:
            return
        if self.learn.training:
            raise CancelTrainException(f"{self.pct:g} of an epoch")
        if self.short_valid:
            raise CancelValidException(f"{self.pct:g} of an epoch")
