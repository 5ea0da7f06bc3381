"""Optimizers under fastai's names, with its defaults. Their arithmetic is the library's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..exceptions import UnknownNameError
from .checks import real

__all__ = ["Adam", "OptimizerSpec", "RAdam", "RMSProp", "SGD", "optimizer_spec"]


class OptimizerSpec(dict[str, Any]):
    """An optimizer by name and options; ``lr`` is its learning rate if it was given one."""

    lr: float | None = None


def _spec(kind: str, lr: Any, **options: Any) -> OptimizerSpec:
    decouple = bool(options.pop("decouple_wd"))
    spec = OptimizerSpec(kind=kind, decouple_wd=decouple)
    spec.update({name: real(name, value) for name, value in options.items() if value is not None})
    spec.lr = None if lr is None else real("lr", lr)
    return spec


def Adam(
    params: Any = None,
    lr: Any = None,
    mom: float = 0.9,
    sqr_mom: float = 0.99,
    eps: float = 1e-5,
    wd: float = 0.01,
    decouple_wd: bool = True,
) -> OptimizerSpec:
    """Adam with decoupled weight decay."""
    return _spec("adam", lr, mom=mom, sqr_mom=sqr_mom, eps=eps, wd=wd, decouple_wd=decouple_wd)


def RAdam(
    params: Any = None,
    lr: Any = None,
    mom: float = 0.9,
    sqr_mom: float = 0.99,
    eps: float = 1e-5,
    wd: float = 0.0,
    beta: float = 0.0,
    decouple_wd: bool = True,
) -> OptimizerSpec:
    """Rectified Adam."""
    return _spec("radam", lr, mom=mom, sqr_mom=sqr_mom, eps=eps, wd=wd, decouple_wd=decouple_wd)


def SGD(params: Any = None, lr: Any = None, mom: float = 0.0, wd: float = 0.0, decouple_wd: bool = True) -> OptimizerSpec:
    """Stochastic gradient descent."""
    return _spec("sgd", lr, mom=mom, wd=wd, decouple_wd=decouple_wd)


def RMSProp(
    params: Any = None,
    lr: Any = None,
    mom: float = 0.0,
    sqr_mom: float = 0.99,
    eps: float = 1e-8,
    wd: float = 0.0,
    decouple_wd: bool = True,
) -> OptimizerSpec:
    """Root mean square propagation."""
    return _spec("rmsprop", lr, mom=mom, sqr_mom=sqr_mom, eps=eps, wd=wd, decouple_wd=decouple_wd)


_BY_NAME: dict[str, Callable[..., OptimizerSpec]] = {"adam": Adam, "sgd": SGD, "rmsprop": RMSProp, "radam": RAdam}


def optimizer_spec(opt_func: Any, what: str = "opt_func") -> OptimizerSpec:
    """What the library needs to know of an optimizer, given as fastai's ``opt_func``: ``Adam``, ``partial(SGD, mom=0.9)``; or
    as its name. An error calls it ``what``."""
    made = opt_func
    if isinstance(opt_func, str):
        if opt_func.lower() not in _BY_NAME:
            raise UnknownNameError(f"{what}: there is no optimizer `{opt_func}`. There are: {', '.join(_BY_NAME)}")
        made = _BY_NAME[opt_func.lower()]()
    elif getattr(opt_func, "__module__", "").startswith("torch."):
        raise TypeError(f"{what}: highmark has no torch; Adam, SGD, RMSProp or RAdam is needed, not {opt_func!r}")
    elif callable(opt_func):
        made = opt_func(None)
    if not isinstance(made, OptimizerSpec):
        raise TypeError(f"{what}: Adam, SGD, RMSProp or RAdam is needed, not {opt_func!r}")
    return made
