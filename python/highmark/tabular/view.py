"""What hooks read of a learner, and change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._highmark import Trainer
from .number import Number
from .tensor import tensor_of

if TYPE_CHECKING:
    from .data import DataLoader, DataLoaders

__all__ = ["View"]


class View:
    """The fit under way: where it is, the batch, its predictions and gradients. A part of every learner."""

    _trainer: Trainer
    dls: DataLoaders

    @property
    def dl(self) -> DataLoader:
        """The loader of the pass under way."""
        return self.dls.train if self.training else self.dls.valid

    @property
    def epoch(self) -> int:
        """The epoch under way, from 0; after a fit its last."""
        epoch, n_epoch, *_ = self._trainer.progress
        return max(min(epoch, n_epoch - 1), 0)

    @property
    def n_epoch(self) -> int:
        """Epochs planned."""
        return self._trainer.progress[1]

    @property
    def iter(self) -> int:
        """The batch under way in this pass, from 0; the last one until another begins."""
        return self._trainer.progress[2]

    @property
    def n_iter(self) -> int:
        """Batches of this pass."""
        return self._trainer.progress[3]

    @property
    def train_iter(self) -> int:
        """Training batches of this fit so far."""
        return self._trainer.progress[4]

    @property
    def pct_train(self) -> float:
        """The fraction of all training batches that lie behind."""
        return self._trainer.pct_train

    @property
    def training(self) -> bool:
        """Whether a training batch is under way."""
        return self._trainer.training

    @property
    def resumed(self) -> bool:
        """Whether the fit goes on from a checkpoint: known from ``before_fit`` on."""
        return self._trainer.resumed

    @property
    def loss(self) -> Number | None:
        """The mean loss of the batch under way."""
        loss = self._trainer.loss if self._trainer.in_hook else None
        return None if loss is None else Number(loss)

    @property
    def smooth_loss(self) -> Number:
        """The smoothed training loss."""
        return Number(self._trainer.smooth_loss)

    @property
    def xb(self) -> tuple[Any, ...]:
        """Codes and numbers of the batch under way: the trainer's own memory, which can be changed."""
        return (tensor_of(self._trainer.array("codes")), tensor_of(self._trainer.array("numbers")))

    @xb.setter
    def xb(self, value: tuple[Any, Any]) -> None:
        self._trainer.set_array("codes", value[0])
        self._trainer.set_array("numbers", value[1])

    x = xb

    @property
    def yb(self) -> tuple[Any, ...]:
        """The targets of the batch under way."""
        return (tensor_of(self._trainer.array("targets")),)

    @yb.setter
    def yb(self, value: tuple[Any, ...]) -> None:
        self._trainer.set_array("targets", value[0])

    @property
    def y(self) -> Any:
        """The targets of the batch under way."""
        return self.yb[0]

    @property
    def pred(self) -> Any:
        """The predictions for it, before any activation: from ``after_pred`` on. Until then they are those for the batch before
        it, and before the first batch there are none."""
        try:
            pred = self._trainer.array("predictions")
        except ValueError:
            # The library counts by the rows of this batch, and those of the one before are no multiple of them.
            message = "pred: there are no predictions for this batch yet; they are there from after_pred on"
            raise RuntimeError(message) from None
        if pred is None:
            return None
        if pred.size == 0:
            raise AttributeError("pred")
        return tensor_of(pred.reshape(-1, self.dls.c))

    @pred.setter
    def pred(self, value: Any) -> None:
        self._trainer.set_array("predictions", value)

    def to_detach(self, b: Any, cpu: bool = True, gather: bool = True) -> Any:
        """The same: there is nothing that an array would be detached from."""
        return b

    @property
    def grad(self) -> Any:
        """The gradient of the loss with respect to the predictions, from ``after_loss`` on, when training."""
        return tensor_of(self._trainer.array("grad"))

    @grad.setter
    def grad(self, value: Any) -> None:
        self._trainer.set_array("grad", value)
