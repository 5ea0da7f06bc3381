"""The names of columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Names"]


class Names(list[str]):
    """A list of names, which fastai's users filter and map in place."""

    def filter(self, f: Callable[[str], Any], negate: bool = False) -> Names:
        """Those for which ``f`` is true, or with ``negate`` the others."""
        return Names(name for name in self if bool(f(name)) != negate)

    def map(self, f: Callable[[str], Any]) -> list[Any]:
        """What ``f`` makes of each."""
        return [f(name) for name in self]
