"""Warnings that name the line of the user's own code which called highmark."""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from typing import Any

__all__ = ["notice"]

# Libraries that call an estimator for whoever called them.
_BETWEEN = ("joblib", "sklearn")

_told: set[Any] = set()


def notice(line: str) -> None:
    """Warns at the innermost line that is not highmark's, nor of scikit-learn while it calls highmark. By Python's ordinary
    filter each place shows a line once."""
    frame, level = _outside(sys._getframe(1), 2, ("highmark",))
    through = _name(frame) in _BETWEEN
    if through:
        user, user_level = _outside(frame, level, ("highmark", *_BETWEEN))
        # A thread or process of joblib's begins in Python's own library.
        if _name(user) not in sys.stdlib_module_names:
            frame, level = user, user_level
        # scikit-learn makes Python forget after each fold what it has shown.
        told = (line, frame.f_code.co_filename, frame.f_lineno, *warnings.filters)
        if told in _told:
            return
    warnings.warn(line, stacklevel=level)
    if through:
        _told.add(told)


def _outside(frame: FrameType, level: int, names: tuple[str, ...]) -> tuple[FrameType, int]:
    """The innermost frame from this one on that is of none of these packages, and how far out it is; the outermost if all
    are."""
    while frame.f_back is not None and _name(frame) in names:
        frame, level = frame.f_back, level + 1
    return frame, level


def _name(frame: FrameType) -> str:
    """The package that a frame is of."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
