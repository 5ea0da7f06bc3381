"""The exceptions that callbacks raise, and those that highmark raises where Python's own do not fit."""

from __future__ import annotations

__all__ = [
    "CancelBackwardException",
    "CancelBatchException",
    "CancelEpochException",
    "CancelException",
    "CancelFitException",
    "CancelStepException",
    "CancelTrainException",
    "CancelValidException",
    "UnknownNameError",
]


class UnknownNameError(KeyError, ValueError):
    """A column, monitor, metric or option that does not exist; the message says which do."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class CancelException(Exception):
    """Leaves a part of training; its text is the reason that the report gives."""

    _span = ""


class CancelFitException(CancelException):
    """Ends the fit; ``after_cancel_fit`` and ``after_fit`` follow."""

    _span = "fit"


class CancelEpochException(CancelException):
    """Leaves the rest of the epoch; ``after_cancel_epoch`` and ``after_epoch`` follow."""

    _span = "epoch"


class CancelTrainException(CancelException):
    """Leaves the training batches of the epoch; validation follows."""

    _span = "train"


class CancelValidException(CancelException):
    """Leaves the validation of the epoch."""

    _span = "validate"


class CancelBatchException(CancelException):
    """Leaves the batch; before the step its gradients wait for the next one."""

    _span = "batch"


class CancelBackwardException(CancelException):
    """Leaves the backward pass out; the step follows."""

    _span = "backward"


class CancelStepException(CancelException):
    """Leaves the optimizer's step out; the gradients are forgotten."""

    _span = "step"
