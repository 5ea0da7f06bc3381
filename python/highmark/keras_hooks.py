"""Keras's hooks, what they are told, and the end of a fit that they ask for: part of :mod:`highmark.callbacks`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .exceptions import CancelFitException, CancelTrainException
from .keras_model import KerasModel
from .tabular import callback as fastai

__all__ = ["HOOKS", "Callback", "Hookless", "names_of_logs"]

HOOKS = {
    "on_train_begin": "before_fit",
    "on_epoch_begin": "before_epoch",
    "on_epoch_end": "after_epoch",
    "on_train_batch_begin": "before_batch",
    "on_train_batch_end": "after_batch",
    "on_batch_begin": "before_batch",
    "on_batch_end": "after_batch",
    "on_test_begin": "before_validate",
    "on_test_end": "after_validate",
    "on_test_batch_begin": "before_batch",
    "on_test_batch_end": "after_batch",
    "on_train_end": "after_fit",
}
# Told before the first of them.
_INTRODUCED = {"set_model": "before_fit", "set_params": "before_fit"}
# Keras has them, and a fit never calls them. Nor do predictions here, which have no callbacks.
_OF_PREDICTIONS = ("on_predict_begin", "on_predict_end", "on_predict_batch_begin", "on_predict_batch_end")
# Behind all trackers, and before History and CSVLogger.
_BEHIND = 63.2
_IN_BATCH = [event for event in fastai.EVENTS if event.endswith(("_pred", "_loss", "_batch", "_backward", "_step"))]


def _check_names(cls: type) -> None:
    """An error for hooks that do not exist, and so would never be called."""
    for name in dir(cls):
        known = name in HOOKS or name in _OF_PREDICTIONS
        if name.startswith("on_") and not known and callable(getattr(cls, name)):
            meant = get_close_matches(name, HOOKS, 1)
            advice = f"; did you mean `{meant[0]}`?" if meant else "."
            raise ValueError(
                f"{cls.__name__}: there is no hook `{name}`{advice} There are: {', '.join(HOOKS)}; names of one's own begin "
                "otherwise"
            )


def _nothing(self: Any, *args: Any, **kwargs: Any) -> None:
    """For ``super()``: a hook that a class does not define is never called."""


@dataclass
class _Told:
    """An event, what is told of it, and who has heard."""

    event: tuple[Any, ...]
    logs: dict[str, Any]
    listeners: set[int]


class Callback(fastai.Callback):
    """A callback with Keras's hooks: define any of ``on_train_begin``, ``on_train_end``, ``on_epoch_begin``,
    ``on_epoch_end``, ``on_train_batch_begin``, ``on_train_batch_end`` (or ``on_batch_…``), ``on_test_begin``, ``on_test_end``,
    ``on_test_batch_begin``, ``on_test_batch_end``. Another ``on_…`` is an error, but for ``on_predict_…``, since predictions
    call nobody.

    One that stands behind the trackers in the list (``EarlyStopping``, ``ReduceLROnPlateau``, ``ModelCheckpoint``) is called
    after them and finds what they have made of the epoch, unless it has an ``order`` of its own; others are called before them.

    ``logs`` is one dict for all who hear of an event: what one puts in, those after it see, and ``History`` and ``CSVLogger``,
    which come last, write. The logs of a batch are its own loss.

    ``self.model`` is the learner under Keras's names; ``self.model.stop_training = True`` ends the fit after the epoch, whose
    other batches are left out.
    """

    run_valid = False
    _of_keras = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_names(cls)

    @property
    def model(self) -> Any:
        """The learner, under Keras's names."""
        return None if self.learn is None else KerasModel(self.learn)

    @property
    def params(self) -> dict[str, Any]:
        """What the fit was asked for: ``verbose``, ``epochs`` and ``steps``, the training batches of an epoch; or what a class
        of one's own has set in its place."""
        if self.learn is None or "_params" in vars(self):
            return vars(self).get("_params", {})
        return self._asked_for()

    @params.setter
    def params(self, value: dict[str, Any]) -> None:
        vars(self)["_params"] = value

    def _asked_for(self) -> dict[str, Any]:
        learn = self.learn
        return {"verbose": int(learn._logging), "epochs": learn.n_epoch, "steps": len(learn.dls.train)}

    def _place(self) -> float:
        cbs = self.learn.cbs
        trackers = [at for at, cb in enumerate(cbs) if getattr(cb, "_tracks", False)]
        behind = bool(trackers) and any(cb is self for cb in cbs[trackers[-1] :])
        return _BEHIND if behind and self.order == Callback.order else super()._place()

    def _defines(self, hook: str) -> bool:
        method = getattr(self, hook)
        return callable(method) and getattr(method, "__func__", None) is not _nothing

    def _phases(self) -> tuple[bool, bool]:
        hooks = [hook for hook in HOOKS if "_batch_" in hook and self._defines(hook)]
        valid = any("_test_" in hook for hook in hooks)
        train = any("_test_" not in hook for hook in hooks) or any(hasattr(type(self), event) for event in _IN_BATCH)
        return bool(self.run_train) and (train or not valid), bool(self.run_valid) or valid

    def _handles(self, name: str, everywhere: bool, native: Any = None) -> list[Any]:
        # For a fit, or for a look at the validation rows, whose means the learner does not keep.
        self._looks = everywhere
        vars(self.learn)["_told"] = None
        return super()._handles(name, everywhere, native)

    def _prepare(self) -> None:
        self.learn.stop_training = False

    def _companions(self) -> list[fastai.Callback]:
        if any("_batch_" in hook and "_test_" not in hook and self._defines(hook) for hook in HOOKS):
            return [StopTraining(), StopTrainingPass()]
        return [StopTraining()]

    def __getattr__(self, name: str) -> Any:
        hooks = (_INTRODUCED | HOOKS).items()
        if name in fastai.EVENTS and any(event == name and self._defines(hook) for hook, event in hooks):
            return lambda: self._hear(name)
        return super().__getattr__(name)

    def _hear(self, event: str) -> None:
        if event == "before_fit":
            for setter, told in (("set_model", self.model), ("set_params", self._asked_for())):
                if self._defines(setter):
                    getattr(self, setter)(told)
        test = event.endswith("_batch") and not self.learn.training
        for hook, at in HOOKS.items():
            if at == event and ("_test_batch" in hook) == test and self._defines(hook):
                getattr(self, hook)(*_position(self.learn, hook), _shared_logs(self, hook))
                # `on_batch_end` is called only where there is no `on_train_batch_end`.
                return


for _hook in _INTRODUCED | HOOKS:
    setattr(Callback, _hook, _nothing)


def names_of_logs(metrics: list[str]) -> list[str]:
    """Keras's names of what an epoch brings. Here all metrics are of the validation rows."""
    return ["loss", "val_loss", *(f"val_{name}" for name in metrics)]


def _position(learn: Any, hook: str) -> list[int]:
    if "_epoch_" in hook:
        return [learn.epoch]
    return [learn.iter] if "_batch_" in hook else []


def _shared_logs(cb: Callback, hook: str) -> dict[str, Any]:
    """The logs of the event under way, made for the first who hears of it."""
    learn = cb.learn
    event = (HOOKS[hook], learn.training, learn._trainer.progress)
    told: _Told | None = vars(learn)["_told"]
    if told is None or told.event != event or id(cb) in told.listeners:
        told = vars(learn)["_told"] = _Told(event, _new_logs(cb, hook), set())
    told.listeners.add(id(cb))
    return told.logs


def _new_logs(cb: Callback, hook: str) -> dict[str, Any]:
    learn = cb.learn
    if hook.endswith("_begin"):
        return {}
    if "_batch_" in hook:
        return {"loss": learn.loss}
    if hook == "on_test_end":
        values = [] if cb._looks else learn.final_record[1:]
        named = dict(zip(["loss", *learn._metric_names], values, strict=False))
    else:
        named = dict(zip(names_of_logs(learn._metric_names), learn.final_record, strict=False))
        if named and any(getattr(other, "_sets_rate", False) for other in learn.cbs):
            # As it was in the epoch, whoever has changed it since.
            rates = learn._trainer.history()["lrs"]
            named["learning_rate"] = float(rates[-1]) if len(rates) else learn.opt.hypers[-1]["lr"]
    return {name: value for name, value in named.items() if value is not None}


class Hookless(fastai.Callback):
    """One of Keras's callbacks that is the library's own, and hears of fastai's events alone."""

    _of_keras = True
    # Whether it judges an epoch, for those behind it to see.
    _tracks = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_names(cls)
        for hook, event in (_INTRODUCED | HOOKS).items():
            if hasattr(cls, hook):
                own = next(base for base in cls.__mro__[1:] if issubclass(base, Hookless))
                raise ValueError(
                    f"{cls.__name__}: `{hook}` would never be called, since {own.__name__} has no hooks of "
                    f"Keras's. Define it in a highmark.callbacks.Callback beside it; or here {event}(self), with "
                    f"super().{event}() in it if there is one"
                )


class StopTraining(fastai.Callback):
    """Ends the fit after an epoch in which somebody has set ``stop_training``, when everybody has seen its end."""

    order = 63.5

    def after_epoch(self) -> None:
        if self.learn.stop_training:
            raise CancelFitException("a callback set it")


class StopTrainingPass(fastai.Callback):
    """Leaves the batches of an epoch for that."""

    order = 63.5
    run_valid = False

    def after_batch(self) -> None:
        if self.learn.stop_training:
            raise CancelTrainException("a callback set stop_training")
