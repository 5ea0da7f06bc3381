"""Losses and metrics: numbers of Python that answer to torch's names."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .tensor import Tensor

__all__ = ["Number"]


class Number(np.float64):
    """A loss or a metric: a number as Python and JSON know it, which also answers to the names of a :class:`Tensor`. What is
    calculated with it is one, too."""

    __repr__ = float.__repr__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"a number has no attribute `{name}`")
        return getattr(_array(self), name)

    @property
    def data(self) -> Any:
        """The same, as torch has it; numpy has its buffer there."""
        return self

    @property
    def size(self) -> Any:
        """One; ``size()`` is the shape."""
        return _array(self).size


def _array(number: Number) -> Any:
    return np.asarray(number).view(Tensor)


def _told(found: Any) -> Any:
    """One number of 64 bits as a :class:`Number`; all else as it is."""
    one = isinstance(found, np.float64) or (isinstance(found, Tensor) and not found.ndim and found.dtype == np.float64)
    return Number(found) if one else found


def _calculation(name: str) -> None:
    function: Any = getattr(operator, name, round)

    # With a plain number, or that of the other side would ask this one again.
    def forwards(self: Number, *others: Any) -> Any:
        return _told(function(np.float64(self), *others))

    def backwards(self: Number, other: Any) -> Any:
        return _told(function(other, np.float64(self)))

    setattr(Number, f"__{name}__", forwards)
    if name in _BINARY:
        setattr(Number, f"__r{name}__", backwards)


def _shared(name: str) -> None:
    """A method that a number of numpy has under the same name, and others, as a :class:`Tensor` has it."""
    theirs = getattr(Tensor, name)

    def method(self: Number, *args: Any, **kwargs: Any) -> Any:
        return _told(theirs(_array(self), *args, **kwargs))

    method.__name__, method.__doc__ = name, theirs.__doc__
    setattr(Number, name, method)


_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
for _name in (*_BINARY, "neg", "pos", "abs", "round"):
    _calculation(_name)
for _name in dir(Tensor):
    if not _name.startswith("_") and _name != "item" and callable(getattr(Tensor, _name)):
        _shared(_name)
