"""The callbacks of a learner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from .callback import Callback
from .recorder import ProgressCallback

__all__ = ["CallbackList", "listed"]

Self = TypeVar("Self", bound="CallbackList")


def listed(items: Any) -> list[Any]:
    if items is None:
        return []
    return list(items) if isinstance(items, (list, tuple)) else [items]


def _here_instead(cb: Any) -> str:
    """What to take for a callback of Keras or fastai."""
    from .. import callbacks
    from . import all as tabular

    for cls in type(cb).__mro__:
        package = cls.__module__.partition(".")[0]
        module: Any = {"keras": callbacks, "tf_keras": callbacks, "tensorflow": callbacks, "fastai": tabular}.get(package)
        if module is not None and cls.__name__ in module.__all__:
            return f", which is made for {package}; highmark has {module.__name__}.{cls.__name__}"
    return ""


class CallbackList:
    """Adding and taking out callbacks, for good or for a while. A part of every learner."""

    _cbs: list[Callback]
    _logging: bool

    @property
    def cbs(self) -> list[Callback]:
        """All callbacks."""
        return self._cbs

    @cbs.setter
    def cbs(self, cbs: Any) -> None:
        self._cbs = []
        self.add_cbs(cbs)

    def add_cb(self: Self, cb: Callback | type[Callback]) -> Self:
        """Adds a callback, which is then ``learn.<its name>``."""
        made = cb() if isinstance(cb, type) else cb
        if not isinstance(made, Callback):
            raise TypeError(f"cbs: a callback is needed, not {cb!r}{_here_instead(made)}")
        made.learn = self
        if callable(getattr(made, "after_create", None)):
            made.after_create()
        self._cbs.append(made)
        return self

    def add_cbs(self: Self, cbs: Any) -> Self:
        """Adds one or several callbacks."""
        for cb in listed(cbs):
            self.add_cb(cb)
        return self

    def remove_cb(self: Self, cb: Callback | type[Callback]) -> Self:
        """Takes a callback out, or all of a class."""
        gone = [c for c in self.cbs if (isinstance(c, cb) if isinstance(cb, type) else c is cb)]
        self._cbs = [c for c in self.cbs if c not in gone]
        return self

    def remove_cbs(self: Self, cbs: Any) -> Self:
        """Takes several out."""
        for cb in listed(cbs):
            self.remove_cb(cb)
        return self

    @contextmanager
    def added_cbs(self: Self, cbs: Any) -> Iterator[Self]:
        """With more callbacks, for a while."""
        before = list(self.cbs)
        self.add_cbs(cbs)
        try:
            yield self
        finally:
            self._cbs = before

    @contextmanager
    def removed_cbs(self: Self, cbs: Any) -> Iterator[Self]:
        """Without some callbacks, for a while."""
        before = list(self.cbs)
        self.remove_cbs(cbs)
        try:
            yield self
        finally:
            self._cbs = before

    @contextmanager
    def validation_context(self: Self, cbs: Any = None, inner: bool = False) -> Iterator[Self]:
        """Showing nothing, and with more callbacks, for a while."""
        with self.no_logging(), self.added_cbs(cbs):
            yield self

    def ordered_cbs(self, event: str) -> list[Callback]:
        """The callbacks that are called at an event, in their order."""
        return [cb for cb in sorted(self.cbs, key=lambda cb: cb._place()) if event in cb._events()]

    @contextmanager
    def no_logging(self: Self) -> Iterator[Self]:
        """Showing nothing, for a while."""
        before, self._logging = self._logging, False
        try:
            yield self
        finally:
            self._logging = before

    @contextmanager
    def no_bar(self: Self) -> Iterator[Self]:
        """With lines alone and no bar, for a while."""
        with self.removed_cbs(ProgressCallback):
            yield self

    no_mbar = no_bar

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            for cb in reversed(self.__dict__.get("_cbs", [])):
                if cb.name == name:
                    return cb
        raise AttributeError(f"{type(self).__name__} has no attribute `{name}`")
