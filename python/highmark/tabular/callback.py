"""Callbacks under fastai's names, and the class for those that users write.

The built-in ones are the library's own: a fit that uses them alone never calls Python. A class of one's own is called at
the events that it defines and at no others.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable as Function
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from .._highmark import Hook, Monitor, NativeCallback
from .checks import direction, real, text
from .naming import attribute_name

if TYPE_CHECKING:
    from .fit_options import Checkpoint

__all__ = ["EVENTS", "Callback", "Native", "NativeTracker", "PatientTracker", "TrackerCallback"]

_SPANS = ("fit", "epoch", "train", "validate", "batch", "backward", "step")
EVENTS: tuple[str, ...] = (
    *(f"before_{span}" for span in _SPANS),
    "after_pred",
    "after_loss",
    *(f"after_cancel_{span}" for span in _SPANS),
    *(f"after_{span}" for span in _SPANS),
)


class Callback:
    """Something that acts while a model trains.

    Define any of the events as a method, ``after_epoch(self)`` say; ``self.learn`` is the learner, and what a callback does
    not have itself is looked up there: ``self.epoch``, ``self.loss``, ``self.pred``. Raise ``CancelBatchException`` and
    the others to leave a part of training. What ``state_dict`` gives, if it has that, goes into checkpoints, and comes back by
    ``load_state_dict`` when a fit goes on from one: numbers, text, lists, mappings and arrays of numpy.

    ``order`` decides who runs first, ``run`` switches it off, ``run_train`` and ``run_valid`` say in which batches it is
    called. Functions can be given by event, and are called as methods are: ``Callback(after_epoch=lambda self: ...)``; one
    without arguments is called without.
    """

    order: float = 0
    run: bool = True
    run_train: bool = True
    run_valid: bool = True
    learn: Any = None

    def __init__(self, **events: Function[..., Any]) -> None:
        for name, function in events.items():
            if name not in EVENTS and name != "after_create":
                raise ValueError(f"there is no event `{name}`. There are: {', '.join(EVENTS)}")
            if not callable(function):
                raise TypeError(f"{name}: a function is needed, not {function!r}")
            setattr(self, name, MethodType(function, self) if _takes_one(function) else function)

    @property
    def name(self) -> str:
        """The name under which a learner has it: the class's, in snake case and without ``Callback``."""
        return attribute_name(type(self), "Callback")

    def __getattr__(self, name: str) -> Any:
        learn = self.__dict__.get("learn")
        if name.startswith("_") or learn is None or name in EVENTS or name in ("state_dict", "load_state_dict"):
            raise AttributeError(f"{type(self).__name__} has no attribute `{name}`")
        try:
            return getattr(learn, name)
        except AttributeError:
            raise AttributeError(f"neither {type(self).__name__} nor its learner has an attribute `{name}`") from None

    def __repr__(self) -> str:
        return type(self).__name__

    @property
    def _watched(self) -> Any:
        """The column that it watches, if it watches one."""
        return getattr(self, "monitor", None)

    def _place(self) -> float:
        """Where it runs among the others: a number such as ``order``."""
        return float(self.order)

    def _events(self) -> list[str]:
        """The events that it defines."""
        return [event for event in EVENTS if callable(getattr(self, event, None))]

    def _phases(self) -> tuple[bool, bool]:
        """Whether it is called in batches of training, and of validation."""
        return bool(self.run_train), bool(self.run_valid)

    def _prepare(self) -> None:
        """Before anything of a fit: what cannot go well is an error here, and costs no epoch."""

    def _companions(self) -> list[Callback]:
        """Callbacks that must be there with it; of each class one is enough."""
        return []

    def _checkpoint(self) -> Checkpoint | None:
        """Where the fit is to be saved, and taken up again."""
        return None

    def _ended(self) -> None:
        """The fit has ended by itself, and its checkpoints are written."""

    def _handles(self, name: str, everywhere: bool, native: NativeCallback | None = None) -> list[Hook | NativeCallback]:
        """What the library calls, under the name ``name``."""
        events = self._events()
        if not events:
            return []
        train, valid = self._phases()
        return [Hook(self, name, events, self._place(), train, valid, everywhere, native)]


class Native(Callback):
    """A callback of the library. A class that extends one and defines events is called in Python, and reaches the library's
    hook by ``super()``."""

    _listens: tuple[str, ...] = ()
    _made: NativeCallback | None = None
    _made_from: str = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for event in cls.__dict__.get("_listens", ()):
            setattr(cls, event, _forwarder(event))

    def __setattr__(self, name: str, value: Any) -> None:
        at_work = self._made is not None and self.learn is not None and self.learn._trainer.in_hook
        if not at_work or name not in vars(self) or name.startswith("_"):
            return super().__setattr__(name, value)
        before, text = vars(self)[name], self._text()
        super().__setattr__(name, value)
        if self._text() != text:
            super().__setattr__(name, before)
            raise RuntimeError(f"{name}: cannot be changed in the middle of a fit; change it before the next one")

    def _spec(self) -> dict[str, Any]:
        raise NotImplementedError

    def _text(self) -> str:
        return json.dumps(self._spec(), allow_nan=False, default=_plain)

    def _observer(self) -> Function[[str | None, int], str | None] | None:
        return None

    def _callback(self, name: str | None = None) -> NativeCallback:
        spec = self._text()
        key = f"{name or self.name}{spec}"
        # Made again when an attribute was changed; otherwise it remembers from fit to fit.
        if self._made is None or (name is not None and self._made_from != key):
            self._made = NativeCallback(name or self.name, spec, self._observer())
            self._made_from = key
        return self._made

    def _state(self) -> dict[str, Any]:
        return json.loads(self._callback().state()) or {}

    def _handles(self, name: str, everywhere: bool, native: NativeCallback | None = None) -> list[Hook | NativeCallback]:
        native = self._callback(name)
        if not self.run:
            return []
        if all(getattr(getattr(self, event), "_native", False) for event in self._events()):
            return [native]
        return super()._handles(name, everywhere, native)


class NativeTracker(Native):
    """One that watches a column."""

    @property
    def best(self) -> float | None:
        """The best value so far."""
        # An infinity is a text.
        best = self._state().get("monitor", {}).get("best")
        return None if best is None else float(best)


class PatientTracker(NativeTracker):
    """One that acts when there is no improvement."""

    @property
    def wait(self) -> int:
        """Epochs since the last improvement, or since what followed from it."""
        return int(self._state().get("state", {}).get("wait", 0))


def _takes_one(function: Function[..., Any]) -> bool:
    """Whether it can be called with one argument; what does not tell is taken to be, as in fastai."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _forwarder(event: str) -> Function[[Native], None]:
    def forward(self: Native) -> None:
        self._callback().handle(self.learn._core, event)

    forward.__name__ = event
    forward._native = True  # type: ignore[attr-defined]
    return forward


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a number or text is needed, not {value!r}")


class TrackerCallback(Callback):
    """Watches a column: after each epoch, ``new_best`` says whether it improved by more than ``min_delta``, and ``best`` is
    its best value. For classes of one's own.

    Without ``comp`` (``np.less`` or ``np.greater``) the metric says which way is better.
    """

    order = 60

    def __init__(
        self,
        monitor: str = "valid_loss",
        comp: Any = None,
        min_delta: float = 0.0,
        reset_on_fit: bool = True,
    ) -> None:
        super().__init__()
        self.monitor = text("monitor", monitor)
        self.comp = comp
        self.min_delta = real("min_delta", min_delta)
        self.reset_on_fit = bool(reset_on_fit)
        self.new_best = False
        self.idx: int | None = None
        self._monitor: Monitor | None = Monitor(json.dumps(self._monitor_spec()))

    def _monitor_spec(self) -> dict[str, Any]:
        return {"name": self.monitor, "direction": direction(self.comp), "min_delta": self.min_delta}

    @property
    def best(self) -> float | None:
        """The best value so far; another one can be set, to begin with or to start again from."""
        return None if self._monitor is None else self._monitor.best

    @best.setter
    def best(self, value: float | None) -> None:
        assert self._monitor is not None
        # JSON has no infinite numbers.
        best = None if value is None else value if np.isfinite(value) else str(value)
        self._monitor.load_state(json.dumps({**json.loads(self._monitor.state()), "best": best}, default=_plain))

    def before_fit(self) -> None:
        assert self._monitor is not None
        self.new_best = False
        self._monitor.start(self.learn._core, self.reset_on_fit)
        # The place of the column in a row of ``recorder.values``.
        self.idx = self.learn.recorder.metric_names[1:-1].index(self.monitor)

    def after_epoch(self) -> None:
        assert self._monitor is not None
        value = self._monitor.value(self.learn._core)
        self.new_best = value is not None and self._monitor.update(value)

    def state_dict(self) -> dict[str, Any]:
        assert self._monitor is not None
        return {"monitor": self._monitor.state(), "new_best": self.new_best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert self._monitor is not None
        self._monitor.load_state(state["monitor"])
        self.new_best = state["new_best"]
