"""Modules, and what is in them, that are imported when they are first used, so that their names can be there at no cost."""

from __future__ import annotations

import gc
import importlib
from functools import cached_property
from types import ModuleType
from typing import Any

__all__ = ["Late", "LateMember"]


class Late:
    """A module that is imported when it is first used."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._module, attribute)

    @cached_property
    def _module(self) -> ModuleType:
        # An import makes much and gives nothing up: not to look for cycles meanwhile takes an eighth off pandas's time. Frozen
        # and thawed, what it made counts as old, or the next look would be long.
        collects = gc.isenabled()
        gc.disable()
        try:
            return importlib.import_module(self.__name__)
        finally:
            if collects:
                gc.freeze()
                gc.unfreeze()
                gc.enable()

    def __repr__(self) -> str:
        return f"<module {self.__name__!r}>"


class LateMember:
    """A function or class of such a module: it can be called, asked for its attributes, and ``isinstance`` takes it."""

    def __init__(self, module: Late, name: str) -> None:
        self._late, self.__name__ = module, name

    @property
    def _member(self) -> Any:
        return getattr(self._late, self.__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._member(*args, **kwargs)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._member, attribute)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._member)

    def __repr__(self) -> str:
        return f"<{self.__name__} of {self._late.__name__}>"
