"""Optimizers under fastai's names, with its defaults. Their arithmetic is the library's."""

from __future__ import annotations

from typing import Any

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


def optimizer_spec(opt_func: Any) -> OptimizerSpec:
    """What the library needs to know of an optimizer, given as fastai's ``opt_func``: ``Adam``, ``partial(SGD, mom=0.9)``."""
    made = opt_func if isinstance(opt_func, OptimizerSpec) else opt_func(None) if callable(opt_func) else None
    if not isinstance(made, OptimizerSpec):
        raise TypeError(f"opt_func: Adam, SGD, RMSProp or RAdam is needed, not {opt_func!r}")
    return made
