"""What fastai does by parameter groups. A tabular model has one, which is never frozen: with one group fastai freezes none."""

from __future__ import annotations

from typing import Any

from .report import Report

__all__ = ["Groups"]


class Groups:
    """Freezing and fine-tuning, as they come out with one parameter group. A part of every learner."""

    fit_one_cycle: Any

    def freeze(self) -> None:
        """Freezes all groups but the last, which is none."""

    def freeze_to(self, n: int) -> None:
        """Freezes the groups before the ``n``-th. There is one, so ``n`` is 0 or -1."""
        if n not in (0, -1):
            raise ValueError(f"freeze_to: a tabular model has one parameter group, so {n} would leave nothing to train")

    def unfreeze(self) -> None:
        """Unfreezes all groups."""

    def create_opt(self) -> None:
        """Nothing: the optimizer is there from the start."""

    def fine_tune(
        self,
        epochs: int,
        base_lr: float = 2e-3,
        freeze_epochs: int = 1,
        lr_mult: float = 100,
        pct_start: float = 0.3,
        div: float = 5.0,
        **kwargs: Any,
    ) -> Report:
        """Trains ``freeze_epochs`` at ``base_lr``, then ``epochs`` in one cycle up to half of it: what fastai does with one
        group, to which ``lr_mult`` says nothing."""
        self.fit_one_cycle(freeze_epochs, base_lr, pct_start=0.99, **kwargs)
        report: Report = self.fit_one_cycle(epochs, base_lr / 2, div=div, pct_start=pct_start, **kwargs)
        return report
