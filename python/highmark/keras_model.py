"""The learner as Keras's callbacks know their model: ``self.model`` in :mod:`highmark.callbacks`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .tabular.learner import Learner

__all__ = ["KerasModel", "KerasOptimizer", "Rate"]


class KerasModel:
    """Weights, files and optimizer of a learner under Keras's names. All else is the learner's, ``stop_training`` for one, and
    is read and assigned there."""

    _learn: Learner

    def __init__(self, learn: Learner) -> None:
        vars(self)["_learn"] = learn

    @property
    def optimizer(self) -> KerasOptimizer:
        """The optimizer, with its ``learning_rate``."""
        return KerasOptimizer(self._learn)

    def get_weights(self) -> list[np.ndarray]:
        """A copy of all parameters and running statistics, in the order of ``state_dict``."""
        return list(self._learn.model.state_dict().values())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces them all."""
        names = list(self._learn.model.state_dict())
        if len(weights) != len(names):
            raise ValueError(f"weights: the model has {len(names)} arrays, and {len(weights)} are given")
        self._learn.model.load_state_dict(dict(zip(names, weights, strict=True)))

    def count_params(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.size for parameter in self._learn.model.parameters())

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Saves the model with its optimizer to exactly this path: a file of highmark, whatever its ending."""
        self._save(filepath, True, overwrite)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Without the optimizer."""
        self._save(filepath, False, overwrite)

    def _save(self, filepath: str | os.PathLike[str], with_optimizer: bool, overwrite: bool) -> None:
        if not overwrite and os.path.exists(filepath):
            raise FileExistsError(f"{os.fspath(filepath)}: there is such a file already, and overwrite=False")
        self._learn._trainer.save(filepath, with_optimizer)

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Takes the weights of such a file, or of what fastai saved as safetensors; the optimizer stays as it is."""
        self._learn._trainer.load(filepath, False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._learn, name)

    def __reduce__(self) -> Any:
        raise TypeError("self.model is the learner itself, which is neither copied nor pickled; get_weights gives a copy")

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._learn, name, value)

    def __repr__(self) -> str:
        return repr(self._learn)


class KerasOptimizer:
    """The optimizer of a learner; all but ``learning_rate`` is that of ``learn.opt``."""

    _learn: Learner

    def __init__(self, learn: Learner) -> None:
        vars(self)["_learn"] = learn

    @property
    def learning_rate(self) -> Rate:
        """The learning rate under way; assigning sets it, until the schedule of ``fit_one_cycle`` and the others does."""
        return Rate(self._learn)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._learn.opt.set_hyper("lr", float(value))

    lr = learning_rate

    @property
    def iterations(self) -> int:
        """Training batches of this fit so far."""
        return self._learn.train_iter

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._learn.opt, name)

    def __reduce__(self) -> Any:
        raise TypeError("the optimizer is the learner's, which is neither copied nor pickled; hypers are its numbers")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("learning_rate", "lr"):
            raise AttributeError(f"optimizer.{name}: cannot be assigned; learn.opt.set_hyper changes mom, sqr_mom, eps and wd")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return repr(self._learn.opt)


class Rate(float):
    """A learning rate, with what Keras's variables have."""

    _learn: Learner

    def __new__(cls, learn: Learner) -> Rate:
        rate = super().__new__(cls, learn.opt.hypers[-1]["lr"])
        rate._learn = learn
        return rate

    def assign(self, value: Any) -> None:
        """Sets it."""
        KerasOptimizer(self._learn).learning_rate = value

    def __reduce__(self) -> Any:
        # A copy is a number.
        return float, (float(self),)

    def numpy(self) -> np.float64:
        """As a number of numpy."""
        return np.float64(self)
