"""torch's names, which fastai's star brings: here they say what stands for them."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import numpy as np

from .losses import BaseLoss, BCEWithLogitsLossFlat, CrossEntropyLossFlat, HuberLossFlat, L1LossFlat, MSELossFlat
from .tensor import Tensor

__all__ = ["F", "loss_of_torch", "nn", "of_torch", "torch"]

_INSTEAD = {
    "torch.tensor": "tensor(...)",
    "torch.stack": "np.stack(...)",
    "torch.cat": "np.concatenate(...)",
    "torch.round": "np.round(...)",
    "torch.sqrt": "np.sqrt(...)",
    "torch.manual_seed": "set_seed(...)",
    "torch.save": "learn.save(...)",
    "torch.load": "learn.load(...)",
    "nn.CrossEntropyLoss": "CrossEntropyLossFlat(weight=...)",
    "nn.BCEWithLogitsLoss": "BCEWithLogitsLossFlat()",
    "nn.MSELoss": "MSELossFlat()",
    "nn.L1Loss": "L1LossFlat()",
    "nn.HuberLoss": "HuberLossFlat()",
    "F.cross_entropy": "CrossEntropyLossFlat()",
    "F.binary_cross_entropy_with_logits": "BCEWithLogitsLossFlat()",
    "F.mse_loss": "MSELossFlat()",
    "F.l1_loss": "L1LossFlat()",
    "F.softmax": "the method softmax(dim=1) of a Tensor",
    "F.log_softmax": "the method log_softmax(dim=1) of a Tensor",
}


class _NotThere:
    """A module of torch whose names are errors that give advice, unless the user has imported torch."""

    def __init__(self, name: str, module: str) -> None:
        self._name, self._module = name, module

    def __getattr__(self, attribute: str) -> Any:
        name = f"{self._name}.{attribute}"
        if self._module in sys.modules:
            # This star must not hide what was imported before it.
            return getattr(sys.modules[self._module], attribute)
        if attribute.startswith("__"):
            raise AttributeError(name)
        instead = _INSTEAD.get(name, "numpy's functions work on every array of highmark; to have torch itself, import it")
        raise AttributeError(f"{name}: highmark has no torch; instead: {instead}")

    def __repr__(self) -> str:
        return f"<no {self._name}: highmark has no torch>"


torch = _NotThere("torch", "torch")
nn = _NotThere("nn", "torch.nn")
F = _NotThere("F", "torch.nn.functional")

_LOSSES: dict[str, type[Any]] = {
    "CrossEntropyLoss": CrossEntropyLossFlat,
    "cross_entropy": CrossEntropyLossFlat,
    "BCEWithLogitsLoss": BCEWithLogitsLossFlat,
    "binary_cross_entropy_with_logits": BCEWithLogitsLossFlat,
    "MSELoss": MSELossFlat,
    "mse_loss": MSELossFlat,
    "L1Loss": L1LossFlat,
    "l1_loss": L1LossFlat,
    "HuberLoss": HuberLossFlat,
}
_OPTIONS = ("weight", "label_smoothing", "pos_weight", "delta")


def loss_of_torch(loss: Any) -> BaseLoss | None:
    """highmark's loss for one of torch's, given as its module, the class of that, or a function."""
    kind = loss if hasattr(loss, "__name__") else type(loss)
    ours = _LOSSES.get(kind.__name__)
    if ours is None or not str(getattr(kind, "__module__", "")).startswith("torch.nn"):
        return None
    if getattr(loss, "reduction", "mean") != "mean":
        raise ValueError(f"loss_func: the mean over rows is learned from, not reduction={loss.reduction!r}")
    known = inspect.signature(ours).parameters
    given = {} if kind is loss else {name: getattr(loss, name, None) for name in _OPTIONS if name in known}
    made: BaseLoss = ours(**{name: value for name, value in given.items() if value is not None})
    return made


def of_torch(value: Any) -> Any:
    """An array of highmark as a tensor of torch of the same memory, or a copy where torch cannot have that."""
    if not isinstance(value, Tensor):
        return value
    return sys.modules["torch"].from_numpy(np.require(value.numpy(), requirements=["C", "W"]))
