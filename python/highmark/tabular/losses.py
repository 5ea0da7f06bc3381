"""Losses under fastai's names. Their arithmetic is the library's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .._highmark import loss_per_row, loss_value
from .checks import real
from .number import Number
from .tensor import Tensor, tensor_of

__all__ = [
    "BCEWithLogitsLossFlat",
    "BaseLoss",
    "CrossEntropyLossFlat",
    "FocalLoss",
    "FocalLossFlat",
    "HuberLossFlat",
    "L1LossFlat",
    "LabelSmoothingCrossEntropy",
    "LabelSmoothingCrossEntropyFlat",
    "MSELossFlat",
    "activation_of",
    "loss_spec",
]


def activation_of(loss: str) -> str:
    """What makes predictions of raw outputs, by the name of a loss: softmax, sigmoid or identity."""
    return {"cross-entropy": "softmax", "focal": "softmax", "bce": "sigmoid"}.get(loss, "identity")


class BaseLoss:
    """A loss by name and options. Calling it computes it for raw outputs and targets."""

    def __init__(self, spec: dict[str, Any], reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction: {reduction!r} is not mean, sum or none")
        self.spec, self.reduction = spec, reduction
        self.name: str = spec["name"]
        #: Above which probability a label is there.
        self.thresh: float = spec.get("threshold", 0.5)

    def __call__(self, inp: Any, targ: Any) -> Any:
        """The loss of raw outputs, rows by outputs, and their targets: the mean over the rows, the sum of all losses, or
        (``reduction="none"``) each of them, of a row with a class and of an output otherwise."""
        if self.reduction == "mean":
            return Number(loss_value(json.dumps(self.spec), inp, targ))
        losses = self._each(np.asarray(inp), np.asarray(targ))
        return Number(losses.sum()) if self.reduction == "sum" else losses

    @property
    def y_int(self) -> bool:
        """Whether targets are classes."""
        return activation_of(self.name) == "softmax"

    def _each(self, inp: np.ndarray, targ: np.ndarray) -> Tensor:
        if not self.y_int:
            if "pos_weight" in self.spec:
                raise ValueError("reduction: with pos_weight there is the mean alone")
            inp = inp.reshape(-1, 1)
        targ = targ.reshape(-1, 1)
        if len(inp) != len(targ):
            raise ValueError(f"reduction={self.reduction!r}: there are {len(inp)} predictions and {len(targ)} targets")
        return tensor_of(np.array(loss_per_row(json.dumps(self.spec), inp, targ), np.float32))

    def activation(self, x: Any) -> Any:
        """What predictions are of raw outputs: probabilities for classes and labels, themselves otherwise."""
        x = np.asanyarray(x)
        kind = activation_of(self.name)
        if kind == "softmax":
            return x.view(Tensor).softmax(-1).view(type(x))
        return x.view(Tensor).sigmoid().view(type(x)) if kind == "sigmoid" else x

    def decodes(self, x: Any) -> Any:
        """What is decided by predictions: a class for each row, whether each label is there, themselves otherwise."""
        x = np.asanyarray(x)
        kind = activation_of(self.name)
        if kind == "softmax":
            return x.argmax(axis=-1)
        return x > self.thresh if kind == "sigmoid" else x

    def __repr__(self) -> str:
        return self.name if type(self) is BaseLoss else f"{type(self).__name__}()"


def _weights(weight: Any) -> list[float] | None:
    return None if weight is None else [float(w) for w in np.asarray(weight, dtype=float).reshape(-1)]


class CrossEntropyLossFlat(BaseLoss):
    """The negative logarithm of the probability of the true class, with a weight a class if given."""

    def __init__(self, axis: int = -1, weight: Any = None, label_smoothing: float = 0.0, reduction: str = "mean") -> None:
        spec: dict[str, Any] = {"name": "cross-entropy", "label_smoothing": float(label_smoothing)}
        if weight is not None:
            spec["weight"] = _weights(weight)
        super().__init__(spec, reduction)


class LabelSmoothingCrossEntropyFlat(CrossEntropyLossFlat):
    """The same with a share ``eps`` of each target spread over all classes."""

    def __init__(self, axis: int = -1, eps: float = 0.1, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(axis, weight, eps, reduction)


class LabelSmoothingCrossEntropy(LabelSmoothingCrossEntropyFlat):
    """The same."""

    def __init__(self, eps: float = 0.1, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(-1, eps, weight, reduction)


class FocalLossFlat(BaseLoss):
    """Cross-entropy that counts a row less the surer the model is of its class, by ``(1 - p) ** gamma``: for classes of which
    one has nearly all rows. ``weight`` is a weight a class. The mean is over the rows, whatever their weights."""

    def __init__(self, gamma: float = 2.0, axis: int = -1, weight: Any = None, reduction: str = "mean") -> None:
        spec: dict[str, Any] = {"name": "focal", "gamma": float(gamma)}
        if weight is not None:
            spec["weight"] = _weights(weight)
        super().__init__(spec, reduction)


class FocalLoss(FocalLossFlat):
    """The same."""

    def __init__(self, gamma: float = 2.0, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(gamma, -1, weight, reduction)


class BCEWithLogitsLossFlat(BaseLoss):
    """Binary cross-entropy of each output. Above the probability ``thresh`` a label is predicted."""

    def __init__(self, axis: int = -1, thresh: float = 0.5, pos_weight: Any = None, reduction: str = "mean") -> None:
        spec: dict[str, Any] = {"name": "bce", "threshold": real("thresh", thresh)}
        if pos_weight is not None:
            spec["pos_weight"] = _weights(pos_weight)
        super().__init__(spec, reduction)


class MSELossFlat(BaseLoss):
    """The mean squared error."""

    def __init__(self, axis: int = -1, floatify: bool = True, reduction: str = "mean") -> None:
        super().__init__({"name": "mse"}, reduction)


class L1LossFlat(BaseLoss):
    """The mean absolute error."""

    def __init__(self, axis: int = -1, floatify: bool = True, reduction: str = "mean") -> None:
        super().__init__({"name": "l1"}, reduction)


class HuberLossFlat(BaseLoss):
    """Squared up to ``delta``, absolute beyond."""

    def __init__(self, delta: float = 1.0, reduction: str = "mean") -> None:
        super().__init__({"name": "huber", "delta": float(delta)}, reduction)


def loss_spec(loss: Any) -> dict[str, Any] | None:
    """What the library needs to know of a loss, given as a class, an object or a name."""
    if loss is None:
        return None
    if isinstance(loss, str):
        return {"name": loss}
    from .torchs import loss_of_torch

    made: Any = loss_of_torch(loss)
    if made is None:
        made = loss() if isinstance(loss, type) else loss
    if not isinstance(made, BaseLoss):
        raise TypeError(f"loss_func: one of highmark's losses or its name is needed, not {loss!r}")
    if made.reduction != "mean":
        raise ValueError(f"loss_func: the mean over rows is learned from, not reduction={made.reduction!r}")
    return made.spec
