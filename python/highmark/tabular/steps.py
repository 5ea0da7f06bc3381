"""The steps of a preparation, and what they have found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from .info import Info
from .vocab import Vocab

__all__ = ["Procs"]


class _Classes(dict[str, Vocab]):
    """The classes of each categorical column."""

    @property
    def classes(self) -> dict[str, Vocab]:
        return self


class Procs(list[str]):
    """The names of the steps of a preparation. What each has found is under its name, as in fastai:
    ``categorify.classes``, ``fill_missing.na_dict``, ``normalize.means`` and ``normalize.stds``."""

    def __init__(self, info: Info) -> None:
        super().__init__(info.procs)
        self._info = info

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(f"there is no proc `{name}` among {', '.join(self) or 'none'}")
        info = self._info
        if name == "categorify":
            return _Classes(info.classes)
        if name == "normalize":
            return SimpleNamespace(means=info.means, stds=info.stds)
        return SimpleNamespace(na_dict=info.fill)
