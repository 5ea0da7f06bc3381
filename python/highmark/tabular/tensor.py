"""Arrays that answer to the names of torch, so that metrics, callbacks and notebooks written for fastai run."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

__all__ = ["Tensor", "tensor", "tensor_of"]

_Extreme = namedtuple("_Extreme", "values indices")


class Tensor(np.ndarray):
    """An array of numpy, with torch's methods of the same meaning: ``dim`` and ``keepdim`` in reductions, ``numpy()``,
    ``float()``, ``view(-1)`` and so on. There is no gradient and no other device."""

    def numpy(self) -> np.ndarray:
        """The same memory as a plain array."""
        return self.view(np.ndarray)

    def detach(self) -> Any:
        """The same."""
        return self

    cpu = contiguous = detach

    def clone(self) -> Any:
        """A copy."""
        return self.copy()

    def float(self) -> Any:
        """As floats of 32 bits."""
        return self.astype(np.float32)

    def long(self) -> Any:
        """As integers of 64 bits."""
        return self.astype(np.int64)

    def int(self) -> Any:
        """As integers of 32 bits."""
        return self.astype(np.int32)

    def bool(self) -> Any:
        """As truth values."""
        return self.astype(np.bool_)

    def numel(self) -> Any:
        """How many numbers there are."""
        return self.size

    def view(self, *shape: Any, **kwargs: Any) -> Any:
        """The same numbers in another shape; with a type, as numpy has it."""
        first = shape[0] if shape else None
        if isinstance(first, (int, np.integer)) or (isinstance(first, (tuple, list)) and first):
            return self.reshape(*shape)
        return super().view(*shape, **kwargs)

    def squeeze(self, *dim: Any, axis: Any = None) -> Any:
        """Without the axes of length 1, or without ``dim`` if its length is 1."""
        if axis is not None or not dim:
            return super().squeeze(axis=axis)
        kept = [n for i, n in enumerate(self.shape) if n != 1 or i not in {d % self.ndim for d in dim}]
        return self.reshape(kept)

    def unsqueeze(self, dim: Any) -> Any:
        """With an axis of length 1 at ``dim``."""
        return np.expand_dims(self, dim)

    def eq(self, other: Any) -> Any:
        """Where both are equal."""
        return self == other

    def exp(self) -> Any:
        return np.exp(self)

    def log(self) -> Any:
        return np.log(self)

    def sqrt(self) -> Any:
        return np.sqrt(self)

    def abs(self) -> Any:
        return np.abs(self)

    def clamp(self, min: Any = None, max: Any = None) -> Any:
        """Within these limits."""
        return np.clip(self, min, max)

    def sigmoid(self) -> Any:
        """The logistic function."""
        return (1 / (1 + np.exp(-self))).view(Tensor)

    def softmax(self, dim: Any = -1) -> Any:
        """Exponentials that add up to 1."""
        powers = np.exp(self - np.max(self, axis=dim, keepdims=True))
        return (powers / np.sum(powers, axis=dim, keepdims=True)).view(Tensor)


def _reduction(name: str) -> None:
    theirs = getattr(np.ndarray, name)

    def reduce(self: Tensor, *args: Any, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
        if dim is not None:
            kwargs["axis"] = dim
        if keepdim:
            kwargs["keepdims"] = True
        return theirs(self, *args, **kwargs)

    reduce.__name__, reduce.__doc__ = name, theirs.__doc__
    setattr(Tensor, name, reduce)


def _extreme(name: str) -> None:
    theirs, where = getattr(np.ndarray, name), getattr(np.ndarray, f"arg{name}")

    def reduce(self: Tensor, *args: Any, dim: int | None = None, keepdim: bool = False, **kwargs: Any) -> Any:
        if dim is None:
            return theirs(self, *args, **kwargs)
        found = [theirs(self, axis=dim, keepdims=keepdim), where(self, axis=dim, keepdims=keepdim)]
        return _Extreme(*(np.asarray(part).view(Tensor) for part in found))

    reduce.__name__, reduce.__doc__ = name, theirs.__doc__
    setattr(Tensor, name, reduce)


for _name in ("argmax", "argmin", "mean", "sum", "prod", "std", "var", "all", "any", "cumsum"):
    _reduction(_name)
for _name in ("max", "min"):
    _extreme(_name)


def tensor_of(array: Any) -> Any:
    """The same memory as a :class:`Tensor`; what is no array as it is."""
    return array.view(Tensor) if type(array) is np.ndarray else array


def tensor(x: Any, *rest: Any) -> Tensor:
    """Numbers as a :class:`Tensor`, floats in 32 bits as torch has them."""
    array = np.array((x, *rest) if rest else x)
    return array.astype(np.float32 if array.dtype == np.float64 else array.dtype, copy=False).view(Tensor)
