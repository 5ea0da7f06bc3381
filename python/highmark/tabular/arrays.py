"""fastai's functions of batches and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fastcore import first, test_eq
from .tensor import Tensor, logistic, tensor_of

__all__ = ["concat", "find_bs", "flatten_check", "one_hot", "sigmoid_range", "to_concat", "to_cpu", "to_detach", "to_np"]


def find_bs(b: Any) -> int:
    """The rows of a batch, by the first array in it."""
    while isinstance(b, (tuple, list, dict)):
        b = first(b.values() if isinstance(b, dict) else b)
    return len(b)


def flatten_check(inp: Any, targ: Any) -> tuple[Tensor, Tensor]:
    """Both as arrays of one axis, or an :class:`AssertionError` if one has more values than the other."""
    flat_inp, flat_targ = (tensor_of(np.asarray(x).reshape(-1)) for x in (inp, targ))
    test_eq(len(flat_inp), len(flat_targ))
    return flat_inp, flat_targ


def to_np(x: Any) -> np.ndarray:
    """``x`` as a plain array of numpy."""
    return np.asarray(x)


def to_detach(x: Any, cpu: bool = True, gather: bool = True) -> Any:
    """``x`` itself: arrays here have no gradient and are on no other device."""
    return x


def to_cpu(b: Any) -> Any:
    """``b`` itself."""
    return b


def concat(*ls: Any) -> Any:
    """Lists, tuples or arrays one after the other, of the kind of the first."""
    if not ls:
        return []
    if isinstance(ls[0], np.ndarray):
        return tensor_of(np.concatenate(ls)) if isinstance(ls[0], Tensor) else np.concatenate(ls)
    items = [item for part in ls for item in part]
    return tuple(items) if isinstance(ls[0], tuple) else items


def to_concat(xs: Any, dim: int = 0) -> Any:
    """Batches as one: arrays along ``dim``, tuples part by part."""
    xs = list(xs)
    if xs and isinstance(xs[0], (tuple, list)):
        return type(xs[0])([to_concat(part, dim) for part in zip(*xs, strict=True)])
    return tensor_of(np.concatenate([np.atleast_1d(x) for x in xs], axis=dim))


def one_hot(x: Any, c: int) -> Tensor:
    """``c`` numbers, 1 at the places ``x`` and 0 elsewhere."""
    hot = np.zeros(c, np.uint8)
    hot[np.asarray(x, dtype=np.int64)] = 1
    return hot.view(Tensor)


def sigmoid_range(x: Any, low: float, high: float) -> Tensor:
    """The logistic function, from ``low`` to ``high``."""
    return (logistic(np.asarray(x)) * (high - low) + low).view(Tensor)
