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
        learn = self.learn
        shortened = learn.training or self.short_valid
        # The batch that is at the share is the last one.
        if shortened and learn.iter / learn.n_iter >= self.pct:
            left_out = CancelTrainException if learn.training else CancelValidException
            raise left_out(f"after batch {learn.iter + 1} of {learn.n_iter}")
