"""What of a learner can be assigned after it was made: its data, loss, optimizer and metrics."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from .. import _highmark
from .data import DataLoaders
from .losses import BaseLoss, loss_spec
from .metrics import CoreMetric, Metric, as_number, metrics_of
from .optimizers import optimizer_spec

__all__ = ["Settings"]

_REFUSED = {
    "splitter": "a tabular model has one parameter group, so there is nothing to split",
    "train_bn": "nothing is ever frozen here, so batch norm always trains",
    "model": "a learner keeps its model; learn.model.load_state_dict(...) and learn.load(...) replace its weights",
    "opt": "a learner keeps its optimizer; learn.opt_func = ... chooses another, learn.opt.set_hyper(...) changes this one",
    "loss": "it is the library's number, whose gradient is learned; a hook changes learn.grad in after_loss, that of the "
    "predictions, or learn.model.grads() in after_backward, those of the parameters",
    "seed": "the model is drawn when the learner is made; tabular_learner(dls, seed=...) draws another",
}
_SETTINGS = ("dls", "loss_func", "opt_func", "metrics", "wd_bn_bias")


class Settings:
    """Settings that take effect when they are needed next, with weights kept. A part of every learner."""

    _config: dict[str, Any]
    _inner: _highmark.Learner
    _made_of: tuple[Any, ...]
    _trainer: _highmark.Trainer
    _start_hypers: dict[str, float]
    metrics: list[Metric | CoreMetric]
    dls: DataLoaders
    loss_func: Any
    lr: float
    wd: float | None

    def __setattr__(self, name: str, value: Any) -> None:
        if "_inner" in self.__dict__:
            if name in _REFUSED:
                raise AttributeError(f"{name}: {_REFUSED[name]}")
            if name in _SETTINGS:
                if self._trainer.in_hook:
                    raise RuntimeError(f"{name}: cannot be changed in the middle of a fit; change it before the next one")
                value = getattr(self, f"_set_{name}")(value)
        super().__setattr__(name, value)

    def _set_metrics(self, metrics: Any) -> list[Metric | CoreMetric]:
        return metrics_of(metrics)

    def _set_loss_func(self, loss_func: Any) -> Any:
        self._config["loss"] = loss_spec(loss_func)
        return loss_func

    def _set_opt_func(self, opt_func: Any) -> Any:
        spec = optimizer_spec(opt_func)
        if spec.lr is not None:
            self.lr = spec.lr
        if self.wd is not None:
            spec["wd"] = self.wd
        self._config["optimizer"] = {**spec, "wd_bn_bias": self._config["optimizer"]["wd_bn_bias"]}
        return opt_func

    def _set_wd_bn_bias(self, wd_bn_bias: Any) -> bool:
        self._config["optimizer"] = {**self._config["optimizer"], "wd_bn_bias": bool(wd_bn_bias)}
        return bool(wd_bn_bias)

    def _set_dls(self, dls: Any) -> DataLoaders:
        if not isinstance(dls, DataLoaders):
            raise TypeError(f"dls: loaders are needed, TabularDataLoaders.from_df(...) for one, not {dls!r}")
        old, new = self.dls._info, dls._info
        for what in ("cat_names", "cont_names", "classes", "task", "y_names", "vocab"):
            if getattr(old, what) != getattr(new, what):
                raise ValueError(
                    f"dls: their {what} are not those that the model was made for; tabular_learner(dls) makes one for them"
                )
        self._config.update(batch_size=dls.bs, shuffle=dls.shuffle, drop_last=dls.drop_last)
        return dls

    @property
    def _core(self) -> _highmark.Learner:
        """The library's learner, made anew if a setting is another than when it was made."""
        if not self._trainer.in_hook and self._parts() != self._made_of:
            same_optimizer = self._made_of[1]["optimizer"] == self._config["optimizer"]
            before = self._trainer
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "model.safetensors"
                before.save(file, same_optimizer)
                self._make()
                self._trainer.load(file, same_optimizer)
        return self._inner

    def _parts(self) -> tuple[Any, ...]:
        return (self.dls, dict(self._config), list(self.metrics))

    def _make(self) -> None:
        # A list that was changed in place has what a user would assign.
        metrics = metrics_of(self.metrics)
        config = json.dumps(self._config, allow_nan=False)
        inner = _highmark.Learner(self.dls._data, config, [_for_core(metric) for metric in metrics])
        vars(self).update(metrics=metrics, _inner=inner, _trainer=inner.trainer, loss_func=BaseLoss(json.loads(inner.loss)))
        self._start_hypers = self._trainer.hypers[0]
        self._made_of = self._parts()


def _for_core(metric: Metric | CoreMetric) -> Any:
    return (metric.name, metric.core) if isinstance(metric, CoreMetric) else _Asked(metric)


class _Asked:
    """A metric as the library asks it: its value is a number, or an error that names the metric."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metric, name)

    @property
    def value(self) -> float | None:
        value = self._metric.value
        return None if value is None else as_number(self._metric, value)
