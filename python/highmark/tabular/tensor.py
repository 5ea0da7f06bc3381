"""Arrays that answer to the names of torch, so that metrics, callbacks and notebooks written for fastai run."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

__all__ = ["Tensor", "logistic", "softmax", "tensor", "tensor_of"]

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

    @property
    def data(self) -> Any:
        """The same, as torch has it; numpy has its buffer there."""
        return self

    @property
    def requires_grad(self) -> Any:
        """Whether it is trained, which parameters are."""
        return False

    @property
    def grad(self) -> Any:
        """Not there."""
        raise AttributeError(
            "grad: arrays have no gradients of their own. In a hook, learn.model.grads()[name] are those of the parameters from "
            "after_backward on, and learn.grad that of the predictions from after_loss on; both can be written"
        )

    @grad.setter
    def grad(self, value: Any) -> None:
        _ = self.grad

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

    def __float__(self) -> Any:
        return self.item().__float__()

    def __int__(self) -> Any:
        return self.item().__int__()

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.nonzero:
            # The one function of numpy that calls its method as torch's users do, without a keyword.
            return tuple(tensor_of(found) for found in np.nonzero(args[0].view(np.ndarray)))
        return super().__array_function__(func, types, args, kwargs)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: Any = False) -> Any:
        if context is not None and array.dtype == np.float64:
            kinds = {x.dtype.kind for x in context[1] if isinstance(x, (np.ndarray, np.generic))}
            if kinds <= set("biu"):
                # Whole numbers become floats of 32 bits, as in torch, and not of 64, as in numpy.
                array = array.astype(np.float32)
        return array[()] if return_scalar else array.view(Tensor)

    def to(self, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """The same, or as another type; there is one device."""
        types = [kind for kind in (*args, dtype) if isinstance(kind, (type, np.dtype))]
        return self.astype(types[0]) if types else self

    def double(self) -> Any:
        """As floats of 64 bits."""
        return self.astype(np.float64)

    def dim(self) -> Any:
        """How many axes there are."""
        return self.ndim

    def t(self) -> Any:
        """Rows and columns exchanged."""
        return self.T

    def permute(self, *dims: Any) -> Any:
        """The axes in this order."""
        return np.ndarray.transpose(self, *dims)

    def transpose(self, *axes: Any) -> Any:
        """Two axes exchanged; otherwise the axes in this order, as numpy has it."""
        if len(axes) == 2:
            return self.swapaxes(*axes)
        return super().transpose(*axes)

    def repeat(self, *repeats: Any, **kwargs: Any) -> Any:
        """The whole so many times along each axis; with ``axis``, each part of it, as numpy has it."""
        if kwargs:
            return super().repeat(*repeats, **kwargs)
        return tensor_of(np.tile(self.numpy(), repeats[0] if isinstance(repeats[0], (tuple, list)) else repeats))

    def nonzero(self) -> Any:
        """Where it is not 0: a row of indices for each."""
        return tensor_of(np.argwhere(self.numpy()))

    def sort(self, dim: Any = -1, descending: Any = False, **kwargs: Any) -> Any:  # type: ignore[override]
        """Sorted values, and where they were. With numpy's keywords it sorts in place, as ``np.sort`` needs it."""
        if kwargs:
            return super().sort(**kwargs)
        order = self.argsort(dim, descending)
        return _Extreme(np.take_along_axis(self, order, dim), order)

    def argsort(self, dim: Any = -1, descending: Any = False, **kwargs: Any) -> Any:  # type: ignore[override]
        """The indices that sort it."""
        if kwargs:
            return super().argsort(**kwargs)
        order = np.argsort(self.numpy(), axis=dim, kind="stable")
        if descending:
            # Equal values keep their order.
            n = self.shape[dim]
            backwards = np.argsort(np.flip(self.numpy(), dim), axis=dim, kind="stable")
            order = np.flip(n - 1 - backwards, dim)
        return tensor_of(order)

    def topk(self, k: Any, dim: Any = -1, largest: Any = True) -> Any:
        """The ``k`` largest (or smallest) values, and where they are."""
        if not 0 <= k <= self.shape[dim]:
            raise ValueError(f"k: {k} is not between 0 and the {self.shape[dim]} values there are")
        return _Extreme(*(part.take(range(k), axis=dim) for part in self.sort(dim, descending=largest)))

    def gather(self, dim: Any, index: Any) -> Any:
        """The values at ``index`` along ``dim``."""
        return np.take_along_axis(self, np.asarray(index), dim)

    def unique(self) -> Any:
        """Its different values, sorted."""
        return tensor_of(np.unique(self.numpy()))

    def median(self, dim: Any = None) -> Any:
        """The middle value, the lower of two, as torch has it; with ``dim`` also where it is."""
        if dim is None:
            return np.sort(self.numpy(), axis=None)[(self.size - 1) // 2]
        middle = (self.shape[dim] - 1) // 2
        return _Extreme(*(part.take(middle, axis=dim) for part in self.sort(dim)))

    def pow(self, exponent: Any) -> Any:
        return self**exponent

    def isnan(self) -> Any:
        return np.isnan(self)

    def log_softmax(self, dim: Any = -1) -> Any:
        """The logarithm of :meth:`softmax`."""
        shifted = self - np.max(self, axis=dim, keepdims=True)
        return (shifted - np.log(np.sum(np.exp(shifted), axis=dim, keepdims=True))).view(Tensor)

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
        return logistic(self).view(Tensor)

    def softmax(self, dim: Any = -1) -> Any:
        """Exponentials that add up to 1."""
        return softmax(self, dim).view(Tensor)


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), of which no exponential is larger than 1."""
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """Exponentials that add up to 1 along ``axis``."""
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def _reduction(name: str) -> None:
    theirs = getattr(np.ndarray, name)

    def reduce(self: Tensor, *args: Any, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
        if name in ("std", "var") and "ddof" not in kwargs:
            # numpy's own functions say ddof.
            unbiased = kwargs.pop("unbiased", True)
            kwargs["ddof"] = kwargs.pop("correction", 1 if unbiased else 0)
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
        if args and not kwargs:
            # numpy's own functions name the axis.
            dim, args = args[0], args[1:]
            keepdim = args[0] if args else keepdim
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
