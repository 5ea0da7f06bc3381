"""Settings of the right types, or errors that name them."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

__all__ = ["count", "direction", "real", "text"]


def direction(comp: Any) -> str | None:
    """Which way is better, of fastai's ``comp``; ``None`` leaves it to the metric."""
    if comp is None:
        return None
    if comp in (np.less, operator.lt):
        return "lower"
    if comp in (np.greater, operator.gt):
        return "higher"
    raise ValueError(f"comp: {comp!r} is not np.less or np.greater")


def real(what: str, value: Any) -> float:
    """A finite number, or an error that names the setting."""
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__"):
        raise TypeError(f"{what}: a number is needed, not {value!r}")
    if not math.isfinite(float(value)):
        raise ValueError(f"{what}: {value} is not a number")
    return float(value)


def count(what: str, value: Any, least: int = 0) -> int:
    """A whole number from ``least``, or an error that names the setting."""
    value = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{what}: a whole number is needed, not {value!r}")
    if value < least:
        raise ValueError(f"{what}: {value} is below {least}")
    return int(value)


def text(what: str, value: Any) -> str:
    """Text, or an error that names the setting."""
    if not isinstance(value, str):
        raise TypeError(f"{what}: text is needed, not {value!r}")
    return value
