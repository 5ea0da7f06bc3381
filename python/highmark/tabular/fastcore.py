"""Functions of fastcore's, which fastai's star brings."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = [
    "first",
    "ifnone",
    "is_listy",
    "listify",
    "noop",
    "range_of",
    "store_attr",
    "test_close",
    "test_eq",
    "tuplify",
]


def first(x: Any) -> Any:
    """The first of ``x``, such as the first batch of a loader; ``None`` if there is none."""
    return next(iter(x), None)


def noop(x: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``x`` itself."""
    return x


def store_attr(names: str | None = None, self: Any = None, but: str = "", **attrs: Any) -> None:
    """Keeps the arguments of the method that calls it (all of them, or ``names`` with commas between them) in its object."""
    frame = sys._getframe(1)
    code, given = frame.f_code, frame.f_locals
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    owner = given[arguments[0]] if self is None else self
    wanted = arguments if names is None else [name.strip() for name in names.split(",") if name.strip()]
    left_out = {name.strip() for name in but.split(",")}
    for name in wanted:
        if given[name] is not owner and name not in left_out:
            setattr(owner, name, given[name])
    for name, value in attrs.items():
        setattr(owner, name, value)


def test_eq(a: Any, b: Any) -> None:
    """An :class:`AssertionError` unless both are equal: arrays and DataFrames in all that they hold, lists and dicts item by
    item."""
    if not _equal(a, b):
        raise AssertionError(f"==:\n{a}\n{b}")


def test_close(a: Any, b: Any, eps: float = 1e-5) -> None:
    """An :class:`AssertionError` unless both are equal but for ``eps``."""
    if not np.allclose(a, b, rtol=0, atol=eps):
        raise AssertionError(f"close:\n{a}\n{b}")


for _test in (test_eq, test_close):
    # No tests of those who have them by a star.
    _test.__test__ = False  # type: ignore[attr-defined]


def _equal(a: Any, b: Any) -> bool:
    if hasattr(a, "equals") and type(a) is type(b):
        return bool(a.equals(b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(value, b[key]) for key, value in a.items())
    if all(hasattr(x, "__iter__") and hasattr(x, "__len__") and not isinstance(x, (str, bytes, dict, set)) for x in (a, b)):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)


def range_of(a: Any, b: int | None = None, step: int | None = None) -> list[int]:
    """The row numbers of ``a``, or of so many rows; with ``b`` the numbers from ``a`` to it."""
    if b is not None:
        return list(range(a, b, 1 if step is None else step))
    return list(range(len(a) if hasattr(a, "__len__") else a))


def ifnone(a: Any, b: Any) -> Any:
    """``b`` if ``a`` is None."""
    return b if a is None else a


def is_listy(x: Any) -> bool:
    """Whether it is a list, a tuple, a slice or a generator."""
    return isinstance(x, (list, tuple, slice)) or hasattr(x, "send")


def listify(o: Any = None) -> list[Any]:
    """``o`` as a list: nothing for None, of one item what is text, a mapping or an array."""
    if o is None:
        return []
    if isinstance(o, (str, bytes, dict, np.ndarray)) or not isinstance(o, Iterable) or hasattr(o, "columns"):
        return [o]
    return list(o)


def tuplify(o: Any = None) -> tuple[Any, ...]:
    """The same as a tuple."""
    return tuple(listify(o))
