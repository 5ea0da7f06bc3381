"""Arrays that answer to the names of torch, so that metrics, callbacks and notebooks written for fastai run."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

__all__ = ["Tensor", "logistic", "softmax", "tensor", "tensor_of"]

_Extreme = namedtuple("_Extreme", "values indices")

# What torch calls tensors of a type.
_NAMES = {"float16": "Half", "float32": "Float", "float64": "Double", "bool": "Bool", "uint8": "Byte", "int8": "Char"}
_NAMES |= {"int16": "Short", "int32": "Int", "int64": "Long"}


def _each(change: Any, value: Any) -> Any:
    """``change`` of a value, in lists, tuples and mappings too. Named tuples stay such."""
    if isinstance(value, (list, tuple)):
        parts = [_each(change, part) for part in value]
        return parts if isinstance(value, list) else value._make(parts) if hasattr(value, "_make") else tuple(parts)
    return {name: _each(change, part) for name, part in value.items()} if type(value) is dict else change(value)


def _method(function: Any) -> Any:
    """A function of numpy as a method."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__doc__ = f"numpy's ``{function.__name__}``."
    return method


def _in_place(function: Any) -> Any:
    """A function of numpy as a method that writes what it gives into the array."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        function(self.numpy(), *args, out=self.numpy(), **kwargs)
        return self

    method.__doc__ = f"numpy's ``{function.__name__}``, in place."
    return method


class _Size(int):
    """How many numbers there are, as numpy has it; called, the shape or a part of it, as torch has it."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]


class Tensor(np.ndarray):
    """An array of numpy, with torch's methods of the same meaning: ``dim`` and ``keepdim`` in reductions, ``numpy()``,
    ``float()``, ``view(-1)`` and so on. There is no gradient and no other device.

    One number of it, ``p.mean()`` or ``p[0, 0]``, is such an array without axes, with the same methods. It counts, compares,
    formats and indexes as a number, and is hashed as one."""

    is_cuda = False

    abs, neg, sign = _method(np.abs), _method(np.negative), _method(np.sign)
    exp, log, log1p, sqrt = _method(np.exp), _method(np.log), _method(np.log1p), _method(np.sqrt)
    square, pow, tanh = _method(np.square), _method(np.power), _method(np.tanh)
    floor, ceil, isnan, nan_to_num = _method(np.floor), _method(np.ceil), _method(np.isnan), _method(np.nan_to_num)
    add, sub, mul, div = _method(np.add), _method(np.subtract), _method(np.multiply), _method(np.true_divide)
    eq, ne, allclose, equal = _method(np.equal), _method(np.not_equal), _method(np.allclose), _method(np.array_equal)
    ge, gt, le, lt = _method(np.greater_equal), _method(np.greater), _method(np.less_equal), _method(np.less)
    clamp_min, clamp_max = _method(np.maximum), _method(np.minimum)

    add_, sub_, mul_, div_ = _in_place(np.add), _in_place(np.subtract), _in_place(np.multiply), _in_place(np.true_divide)

    def clamp_(self, min: Any = None, max: Any = None) -> Any:
        """Within these limits, in place."""
        np.clip(self.numpy(), min, max, out=self.numpy())
        return self

    def zero_(self) -> Any:
        """Zeros, in place."""
        return self.fill_(0)

    def fill_(self, value: Any) -> Any:
        """``value`` everywhere, in place."""
        self.fill(value)
        return self

    def numpy(self) -> np.ndarray:
        """The same memory as a plain array."""
        return self.view(np.ndarray)

    def detach(self) -> Any:
        """The same."""
        return self

    def cuda(self, *device: Any, **kwargs: Any) -> Any:
        """The same: there is one device."""
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

    def half(self) -> Any:
        """As floats of 16 bits."""
        return self.astype(np.float16)

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

    @property
    def size(self) -> Any:
        """How many numbers there are; ``size()`` is the shape, and ``size(0)`` the rows."""
        size = _Size(super().size)
        size.shape = self.shape
        return size

    def numel(self) -> Any:
        """How many numbers there are."""
        return int(self.size)

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

    def __round__(self, ndigits: Any = None) -> Any:
        return round(self.item(), ndigits)

    def __hash__(self) -> Any:  # type: ignore[override]
        if self.ndim:
            raise TypeError(f"unhashable type: 'Tensor' of the shape {self.shape}")
        return hash(self.item())

    def __getitem__(self, index: Any) -> Any:
        return _kept(super().__getitem__(index))

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """torch's functions, where the user has imported it: they get tensors of torch of the same memory, and give such."""
        from .torchs import of_torch

        theirs = _each(of_torch, (args, kwargs or {}))
        return func(*theirs[0], **theirs[1])

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        # Of plain arrays, since some of numpy's functions call methods that mean here what torch means. By numpy's own method
        # it comes to an end where other collections, a deque for one, still hold some of ours.
        plain = _each(lambda x: x.numpy() if isinstance(x, Tensor) else x, (args, kwargs))
        return _each(_kept, super().__array_function__(func, types, *plain))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: Any = False) -> Any:
        if context is not None and array.dtype == np.float64:
            kinds = {x.dtype.kind for x in context[1] if isinstance(x, (np.ndarray, np.generic))}
            if kinds <= set("biu"):
                # Whole numbers become floats of 32 bits, as in torch, and not of 64, as in numpy.
                array = array.astype(np.float32)
        return array.view(Tensor)

    def to(self, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """The same, or as another type (numpy's, Python's, torch's or that of an array); there is one device."""
        kinds = [kind.dtype if isinstance(kind, np.ndarray) else kind for kind in (*args, dtype)]
        # str() of torch's types has the names of numpy's.
        named = [np.dtype(str(kind)[6:]) if str(kind).startswith("torch.") else kind for kind in kinds]
        types = [kind for kind in named if isinstance(kind, (type, np.dtype))]
        return self.astype(types[0]) if types else self

    def type(self, dtype: Any = None) -> Any:
        """As another type; without one, the name that torch has for its own."""
        return f"torch.{_NAMES.get(self.dtype.name, self.dtype.name)}Tensor" if dtype is None else self.to(dtype)

    def type_as(self, other: Any) -> Any:
        """As the type of ``other``."""
        return self.astype(other.dtype)

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

    def flip(self, *axes: Any, dims: Any = None, axis: Any = None) -> Any:
        """Backwards along these axes, or along all."""
        named = dims if axis is None else axis
        given = (axes[0] if isinstance(axes[0], (tuple, list)) else axes) if axes else named
        return np.flip(self, tuple(given) if isinstance(given, list) else given)

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

    def index_select(self, dim: Any, index: Any) -> Any:
        """The parts at ``index`` along ``dim``."""
        return self.take(np.asarray(index), axis=dim)

    def unbind(self, dim: Any = 0) -> Any:
        """The parts along ``dim``."""
        return tuple(np.moveaxis(self, dim, 0))

    def split(self, size: Any, dim: Any = 0) -> Any:
        """Parts of ``size`` along ``dim``, the last one of what is left; or of the sizes given."""
        ends = np.arange(size, self.shape[dim], size) if np.ndim(size) == 0 else np.cumsum(size)[:-1]
        return tuple(np.split(self, ends, axis=dim))

    def chunk(self, chunks: Any, dim: Any = 0) -> Any:
        """At most so many parts along ``dim``, all but the last of one size."""
        return self.split(max(-(-self.shape[dim] // chunks), 1), dim)

    def expand(self, *sizes: Any) -> Any:
        """Axes of length 1 as if repeated to these lengths; -1 leaves one as it is."""
        wanted = sizes[0] if isinstance(sizes[0], (tuple, list)) else sizes
        own = (1,) * (len(wanted) - self.ndim) + self.shape
        return np.broadcast_to(self, [n if size == -1 else size for n, size in zip(own, wanted, strict=True)])

    def where(self, condition: Any, other: Any) -> Any:
        """Itself where ``condition`` is true, and ``other`` elsewhere."""
        return np.where(condition, self, other)

    def masked_fill(self, mask: Any, value: Any) -> Any:
        """With ``value`` where ``mask`` is true."""
        return np.where(mask, np.asarray(value, self.dtype), self)

    def new_zeros(self, *size: Any) -> Any:
        """Zeros of the same type."""
        return tensor_of(np.zeros(size[0] if isinstance(size[0], (tuple, list)) else size, self.dtype))

    def norm(self, p: Any = 2, dim: Any = None, keepdim: Any = False) -> Any:
        """The root of the sum of squares, or the norm for another ``p``: of all, or along ``dim``."""
        # To numpy None is the root of the sum of squares, of matrices too.
        p = None if p in (2, "fro") else p
        if dim is None:
            return np.linalg.norm(self.reshape(-1), p)
        return np.linalg.norm(self, p, axis=dim, keepdims=keepdim)

    def quantile(self, q: Any, dim: Any = None, keepdim: Any = False) -> Any:
        """The value below which a share ``q`` lies: of all, or along ``dim``."""
        floats = self if self.dtype.kind == "f" else self.float()
        return np.quantile(floats, np.asarray(q, floats.dtype), axis=dim, keepdims=keepdim)

    def unique(self) -> Any:
        """Its different values, sorted."""
        return np.unique(self)

    def median(self, dim: Any = None) -> Any:
        """The middle value, the lower of two, as torch has it; with ``dim`` also where it is."""
        if dim is None:
            return np.sort(self, axis=None)[(self.size - 1) // 2]
        middle = (self.shape[dim] - 1) // 2
        return _Extreme(*(part.take(middle, axis=dim) for part in self.sort(dim)))

    def log_softmax(self, dim: Any = -1) -> Any:
        """The logarithm of :meth:`softmax`."""
        shifted = self - np.max(self, axis=dim, keepdims=True)
        return (shifted - np.log(np.sum(np.exp(shifted), axis=dim, keepdims=True))).view(Tensor)

    def clamp(self, min: Any = None, max: Any = None) -> Any:
        """Within these limits."""
        return np.clip(self, min, max)

    def relu(self) -> Any:
        """Itself where it is above 0, and 0 elsewhere."""
        return np.maximum(self, 0)

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


def _kept(found: Any) -> Any:
    """An array or a number of numpy as a :class:`Tensor`; all else as it is."""
    return np.asarray(found).view(Tensor) if isinstance(found, np.generic) else tensor_of(found)


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
        return _kept(theirs(self, *args, **kwargs))

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
            return _kept(theirs(self, *args, **kwargs))
        found = [theirs(self, axis=dim, keepdims=keepdim), where(self, axis=dim, keepdims=keepdim)]
        return _Extreme(*(np.asarray(part).view(Tensor) for part in found))

    reduce.__name__, reduce.__doc__ = name, theirs.__doc__
    setattr(Tensor, name, reduce)


def _augmented(name: str) -> None:
    theirs = getattr(np.ndarray, name)

    def augment(self: Tensor, other: Any) -> Any:
        # A number becomes another one, of another type if need be, and who else has it keeps it.
        return theirs(self, other) if self.ndim else NotImplemented

    augment.__name__, augment.__doc__ = name, theirs.__doc__
    setattr(Tensor, name, augment)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _augmented(f"__i{_name}__")
for _name in ("argmax", "argmin", "mean", "sum", "prod", "std", "var", "all", "any", "cumsum", "dot", "round"):
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
