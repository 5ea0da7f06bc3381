"""Modules, and what is in them, that are imported when they are first used, so that their names can be there at no cost."""

from __future__ import annotations

import gc
import importlib
import sys
from functools import cached_property
from types import ModuleType
from typing import Any

__all__ = ["Late", "LateMember"]


class Late:
    """A module that is imported when it is first used."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, attribute: str) -> Any:
        self._refuse_probe(attribute)
        return getattr(self._module, attribute)

    def _refuse_probe(self, attribute: str) -> None:
        # What inspects every name that there is (doctest, inspect.unwrap) is no use: it must not import, and must not fail where
        # the module is not installed. The version is asked for by people.
        if attribute.startswith("__") and attribute != "__version__" and self.__name__ not in sys.modules:
            raise AttributeError(f"{self!r} is not imported yet, and has no attribute `{attribute}`")

    def __reduce__(self) -> Any:
        return Late, (self.__name__,)

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
                # To thaw would undo a freeze of the user's.
                if not gc.get_freeze_count():
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
        self._late._refuse_probe(attribute)
        return getattr(self._member, attribute)

    def __reduce__(self) -> Any:
        return LateMember, (self._late, self.__name__)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._member)

    def __repr__(self) -> str:
        return f"<{self.__name__} of {self._late.__name__}>"
