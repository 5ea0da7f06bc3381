"""What a metric is, and those that need no settings. Those of the library can also be called as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from .._highmark import metric_value
from .naming import attribute_name
from .number import Number
from .tensor import logistic, softmax, tensor_of

__all__ = [
    "AccumMetric",
    "AvgMetric",
    "Batch",
    "CoreMetric",
    "Metric",
    "OwnMetrics",
    "ValueMetric",
    "accuracy",
    "accuracy_multi",
    "as_number",
    "error_rate",
    "mae",
    "makes_metric",
    "metric_of",
    "metrics_of",
    "mse",
    "optim_metric",
    "rmse",
    "skm_to_fastai",
    "top_k_accuracy",
]


class CoreMetric:
    """A metric of the library: ``name`` is its column, ``core`` what the library calls it. Calling it computes it for
    predictions and targets. Those of ``learn.recorder.metrics`` have the ``value`` of the last epoch."""

    value: float | None

    def __init__(self, name: str, activation: str = "softmax", doc: str = "", core: str | None = None) -> None:
        self._name = name
        self.core = core or name
        self.activation = activation
        self.__name__ = name
        self.__doc__ = doc

    @property
    def name(self) -> str:
        return self._name

    def __call__(self, inp: Any, targ: Any) -> Number:
        return Number(metric_value(self.core, inp, targ, self.activation))

    def __repr__(self) -> str:
        return f"<metric {self.name}>"


class _OfClasses(CoreMetric):
    """Also with the axis of the classes, which is the last one."""

    def __call__(self, inp: Any, targ: Any, axis: int = -1) -> Number:
        self._check_axis(axis, np.ndim(inp))
        return super().__call__(inp, targ)

    def _check_axis(self, axis: int, axes: int) -> None:
        if axis not in (-1, axes - 1):
            raise ValueError(f"axis: classes are along the last axis, not {axis}")


accuracy = _OfClasses("accuracy", doc="The share of rows whose class is predicted.")
error_rate = _OfClasses("error_rate", doc="The share of rows whose class is not predicted.")


class _AccuracyMulti(CoreMetric):
    """Also at another threshold than 0.5, given by ``partial``."""

    def __call__(self, inp: Any, targ: Any, thresh: float = 0.5, sigmoid: bool = True) -> Number:
        values = np.asarray(inp, dtype=np.float64)
        values = logistic(values) if sigmoid else values
        return Number(np.mean((values > thresh) == np.asarray(targ, dtype=bool)))


accuracy_multi = _AccuracyMulti("accuracy_multi", "sigmoid", doc="The share of labels that are predicted.")
top_k_accuracy = CoreMetric("top_k_accuracy", doc="The share of rows whose class is among the 5 most probable.")
mse = CoreMetric("mse", "identity", doc="The mean squared error.")
mae = CoreMetric("mae", "identity", doc="The mean absolute error.")
rmse = CoreMetric("_rmse", "identity", doc="The root of the mean squared error; its column is `_rmse`, as in fastai.")


def as_number(metric: Any, value: Any) -> float:
    """What a metric gave as a number, or a :class:`TypeError` that names the metric."""
    try:
        return float(np.asarray(value).item())
    except (TypeError, ValueError):
        given = "None" if value is None else f"an object of the type {type(value).__name__}"
        if isinstance(value, np.ndarray):
            given += f" and the shape {value.shape}"
        raise TypeError(f"the metric `{metric.name}` must give one number, not {given}") from None


def makes_metric(function: Callable[..., Any]) -> Any:
    """Marks a function that makes a metric, so that it can be given without being called."""
    function.makes_metric = True  # type: ignore[attr-defined]
    return function


class Batch:
    """What :meth:`Metric.accumulate` sees of a learner: one validation batch, and all else that the learner has."""

    def __init__(self, learn: Any, pred: np.ndarray, y: np.ndarray) -> None:
        self._learn = learn
        self.pred = tensor_of(pred)
        # Signed, so that a difference of classes does not wrap.
        self.y = tensor_of(y.astype(np.int64) if y.dtype == np.uint32 else y)
        self.yb = (self.y,)

    def __getattr__(self, name: str) -> Any:
        if name == "_learn":
            raise AttributeError(name)
        return getattr(self._learn, name)


class OwnMetrics:
    """Shows the metrics that are written in Python each validation batch, while the learner can be asked."""

    def __init__(self, learn: Any) -> None:
        self._learn = learn

    def after_loss(self) -> None:
        batch = Batch(self._learn, self._learn.pred, self._learn.y)
        for metric in self._learn.metrics:
            if isinstance(metric, Metric):
                metric.accumulate(batch)


class Metric:
    """A metric of one's own: ``reset``, ``accumulate(learn)`` with ``learn.pred``, ``learn.y`` and ``learn.yb`` of a
    validation batch and what else a learner has (``learn.epoch``, ``learn.loss``, ``learn.xb``), and ``value``.

    Its name is that of the class in snake case, without ``Metric``. ``lower_is_better`` says which way it goes; by default
    lower if the name has ``loss`` or ``error`` in it.
    """

    _lower: bool | None = None

    def reset(self) -> None:
        """Forgets all rows."""

    def accumulate(self, learn: Any) -> None:
        """Takes in a batch."""
        raise NotImplementedError("accumulate(self, learn)")

    @property
    def value(self) -> float | None:
        """The number over all rows since the last reset."""
        raise NotImplementedError("value")

    @property
    def name(self) -> str:
        """The name of the column."""
        return attribute_name(type(self), "Metric")

    @property
    def lower_is_better(self) -> bool:
        """Which way is better."""
        return any(word in self.name for word in ("loss", "error")) if self._lower is None else self._lower

    @lower_is_better.setter
    def lower_is_better(self, lower: bool) -> None:
        self._lower = bool(lower)

    def state_dict(self) -> dict[str, Any]:
        """What it has gathered, for a checkpoint in the middle of a validation: its attributes, unless you say otherwise."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes that back."""
        vars(self).update(state)


class ValueMetric(Metric):
    """What ``func()`` says after the validation rows: a number that a callback has computed, for one."""

    def __init__(self, func: Callable[[], Any], metric_name: str | None = None) -> None:
        self.func, self._name = func, metric_name or _function_name(func)

    def reset(self) -> None:
        pass

    def accumulate(self, learn: Any) -> None:
        pass

    @property
    def value(self) -> Any:
        return self.func()

    @property
    def name(self) -> str:
        return self._name

    def state_dict(self) -> dict[str, Any]:
        return {}


class AvgMetric(Metric):
    """The mean of ``func(pred, y)`` over batches, each weighted by its rows."""

    def __init__(self, func: Callable[..., Any], name: str | None = None, lower_is_better: bool | None = None) -> None:
        if not callable(func):
            raise TypeError(f"metrics: a function is needed, not {func!r}")
        self.func = func
        self._name = name or _function_name(func)
        lower = getattr(func, "lower_is_better", None) if lower_is_better is None else lower_is_better
        if lower is not None:
            self.lower_is_better = lower
        self.reset()

    def reset(self) -> None:
        self.total, self.count = 0.0, 0

    def accumulate(self, learn: Any) -> None:
        rows = len(learn.y)
        self.total += as_number(self, self.func(learn.pred, *learn.yb)) * rows
        self.count += rows

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total, "count": self.count}

    @property
    def name(self) -> str:
        return self._name


class AccumMetric(AvgMetric):
    """``func(pred, y)`` of all rows at once.

    ``activation`` is ``no``, ``softmax``, ``sigmoid`` or ``binary_softmax`` (the probability of the last class);
    ``dim_argmax`` takes the class instead, ``thresh`` compares. ``flatten`` gives arrays of one axis, ``to_np`` plain ones
    of numpy, ``invert_arg`` gives the targets first.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        dim_argmax: int | None = None,
        activation: str | None = "no",
        thresh: float | None = None,
        to_np: bool = False,
        invert_arg: bool = False,
        flatten: bool = True,
        name: str | None = None,
        lower_is_better: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(func, name, lower_is_better)
        # fastai's own word has no line.
        activation = "binary_softmax" if activation == "binarysoftmax" else activation or "no"
        if activation not in ("no", "softmax", "sigmoid", "binary_softmax"):
            raise ValueError(f"activation: {activation!r} is not no, softmax, sigmoid or binary_softmax")
        self.dim_argmax, self.activation, self.thresh = dim_argmax, activation, thresh
        self.to_np, self.invert_arg, self.flatten, self.kwargs = to_np, invert_arg, flatten, kwargs

    def reset(self) -> None:
        self.preds: list[np.ndarray] = []
        self.targs: list[np.ndarray] = []

    def accumulate(self, learn: Any) -> None:
        pred = np.asarray(learn.pred)
        if self.activation in ("softmax", "binary_softmax"):
            pred = softmax(pred)
            pred = pred[:, -1] if self.activation == "binary_softmax" else pred
        elif self.activation == "sigmoid":
            pred = logistic(pred)
        elif self.dim_argmax:
            pred = pred.argmax(axis=self.dim_argmax)
        if self.thresh is not None:
            pred = pred >= self.thresh
        self.preds.append(pred.copy())
        self.targs.append(np.array(learn.y))

    def state_dict(self) -> dict[str, Any]:
        return {"preds": self.preds, "targs": self.targs}

    @property
    def value(self) -> float | None:
        if not self.preds:
            return None
        preds, targs = np.concatenate(self.preds), np.concatenate(self.targs)
        if self.flatten:
            preds, targs = preds.reshape(-1), targs.reshape(-1)
        elif targs.ndim > 1 and targs.shape[1] == 1:
            targs = targs[:, 0]
        if not self.to_np:
            preds, targs = tensor_of(preds), tensor_of(targs)
        pair = (targs, preds) if self.invert_arg else (preds, targs)
        return as_number(self, self.func(*pair, **self.kwargs))


def skm_to_fastai(
    func: Callable[..., Any],
    is_class: bool = True,
    thresh: float | None = None,
    axis: int = -1,
    activation: str | None = None,
    **kwargs: Any,
) -> AccumMetric:
    """A metric out of one of scikit-learn's, which takes the targets first."""
    dim_argmax = axis if is_class and thresh is None else None
    if activation is None:
        activation = "sigmoid" if is_class and thresh is not None else "no"
    return AccumMetric(func, dim_argmax, activation, thresh, to_np=True, invert_arg=True, **kwargs)


def optim_metric(
    f: Callable[..., Any],
    argname: str,
    bounds: tuple[float, float],
    tol: float = 0.01,
    do_neg: bool = True,
    get_x: bool = False,
) -> Callable[[Any, Any], Any]:
    """A function of predictions and targets: what ``f`` is at its best, where its argument ``argname`` lies between
    ``bounds``, found to ``tol``. ``do_neg`` looks for the largest value, otherwise for the smallest; ``get_x`` returns the
    argument too. Needs scipy.

    >>> best = optim_metric(accuracy_multi, "thresh", (0.1, 0.9))
    >>> best.__name__
    'opt_accuracy_multi'
    """
    sign = -1.0 if do_neg else 1.0

    def optimized(preds: Any, targs: Any) -> Any:
        from scipy.optimize import minimize_scalar

        found = minimize_scalar(
            lambda x: sign * float(f(preds, targs, **{argname: x})),
            bounds=bounds,
            method="bounded",
            options={"xatol": tol},
        )
        value = sign * float(found.fun)
        return (value, float(found.x)) if get_x else value

    optimized.__name__ = f"opt_{_function_name(f)}"
    return optimized


def _function_name(func: Any) -> str:
    while isinstance(func, partial):
        func = func.func
    return getattr(func, "__name__", None) or type(func).__name__


def metric_of(metric: Any) -> Metric | CoreMetric:
    """A metric of what a user gives: a metric, its class, its name, or a function of predictions and targets."""
    if isinstance(metric, str):
        return CoreMetric(metric)
    if isinstance(metric, type):
        metric = metric()
    if isinstance(metric, (Metric, CoreMetric)):
        return metric
    if isinstance(metric, partial) and isinstance(metric.func, CoreMetric):
        if metric.func.name == "top_k_accuracy":
            return CoreMetric("top_k_accuracy", core=f"top_k_accuracy:{metric.keywords.get('k', 5)}")
        # An option that there is not must not cost an epoch.
        signature(metric.func).bind(None, None, **metric.keywords)
        if isinstance(metric.func, _OfClasses):
            metric.func._check_axis(metric.keywords.get("axis", -1), 2)
            return metric.func
    if getattr(metric, "makes_metric", False):
        made: Metric | CoreMetric = metric()
        return made
    if not callable(metric):
        raise TypeError(f"metrics: a metric, its name, or a function of predictions and targets is needed, not {metric!r}")
    return AvgMetric(metric)


def metrics_of(metrics: Any) -> list[Metric | CoreMetric]:
    """A list of metrics, of one or several."""
    if metrics is None:
        return []
    if isinstance(metrics, (str, Metric, CoreMetric, type)) or not isinstance(metrics, Sequence):
        metrics = [metrics]
    return _distinct([metric_of(metric) for metric in metrics])


def _distinct(metrics: list[Metric | CoreMetric]) -> list[Metric | CoreMetric]:
    """With a number at the name of one that is there already, such as another average of the same score."""
    taken: set[str] = set()
    for i, metric in enumerate(metrics):
        name, n = metric.name, 2
        while name in taken:
            name, n = f"{metric.name}_{n}", n + 1
        taken.add(name)
        if name != metric.name and isinstance(metric, (CoreMetric, AvgMetric)):
            metrics[i] = copy(metric)
            metrics[i]._name = name  # type: ignore[union-attr]
    return metrics
