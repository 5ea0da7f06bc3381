"""Models from files."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from .. import _highmark
from .callback_list import listed
from .described import Described
from .inference import Inference
from .info import Info
from .learner import Learner
from .loader import DataLoader, test_loader
from .losses import BaseLoss
from .metrics import CoreMetric, Metric, metrics_of

__all__ = ["LoadedLearner", "load_learner"]

# What a learner that trains has beside its methods.
_TRAINS = ("lr", "model", "opt", "opt_func", "recorder")


class LoadedLearner(Inference):
    """A model from a file: it predicts rows, scores them, and cannot train. ``dls.test_dl`` prepares rows for it; the file has
    none. ``metrics`` are none until they are assigned."""

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._file = os.fspath(file)
        self._saved = _highmark.SavedModel.load(self._file)
        self.description: dict[str, Any] = json.loads(self._saved.describe())
        self.dls = _SavedLoaders(Info(self._saved.pipeline))
        self.loss_func = BaseLoss(self.description["loss"])
        self._metrics: list[Metric | CoreMetric] = []

    @property
    def metrics(self) -> list[Metric | CoreMetric]:
        """What :meth:`validate` tells beside the loss: a metric or several, as for a learner."""
        return self._metrics

    @metrics.setter
    def metrics(self, metrics: Any) -> None:
        self._metrics = metrics_of(metrics)

    def validate(self, ds_idx: int | DataLoader = 1, dl: DataLoader | None = None, cbs: Any = None) -> list[float]:
        """Mean loss and metrics of a loader, ``learn.dls.test_dl(df)`` of a table with targets."""
        if listed(cbs):
            raise ValueError("cbs: a model from a file calls no callbacks")
        loader = self._loader(ds_idx, dl)
        return self._scores(loader, loader.bs)

    def _loader(self, ds_idx: int | DataLoader, dl: DataLoader | None) -> DataLoader:
        if dl is None and not isinstance(ds_idx, DataLoader):
            raise ValueError("dl: a file has no rows; give the rows, dl=learn.dls.test_dl(df)")
        loader = super()._loader(ds_idx, dl)
        if loader._info.description != self.dls._info.description:
            raise ValueError("dl: these rows were prepared for another model; prepare them by this one's dls.test_dl(df)")
        return loader

    def _outputs(self, rows: _highmark.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        return self._saved.predictions(rows)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not (name in _TRAINS or hasattr(Learner, name)):
            raise AttributeError(f"{type(self).__name__} has no attribute `{name}`")
        advice = "make a tabular_learner with loaders of the same table and take the weights by its load, of a file named .safetensors"
        raise AttributeError(f"{name}: a model from a file does not train; {advice}")

    def __copy__(self) -> LoadedLearner:
        """Another one of the same model, which never changes, with metrics of its own."""
        copied = object.__new__(type(self))
        vars(copied).update(vars(self), _metrics=list(self._metrics))
        return copied

    def __deepcopy__(self, memo: Any) -> LoadedLearner:
        return self.__copy__()

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a model from a file is not pickled; hand on the path, {self._file!r}, and call load_learner where it is needed"
        )

    def __repr__(self) -> str:
        return f"LoadedLearner of {self.dls._info.task} of {', '.join(self.dls._info.y_names)}"


class _SavedLoaders(Described):
    """What a model from a file knows of its columns; there are no rows in the file."""

    def __init__(self, info: Info) -> None:
        self._info = info

    def test_dl(self, test_items: Any, bs: int | None = None, **kwargs: Any) -> DataLoader:
        """Rows to predict, of a table of any kind, in batches of ``bs`` (64); ``drift`` of what is returned tells what is new in them."""
        return test_loader(self._info, test_items, 64 if bs is None else bs)


def load_learner(fname: str | os.PathLike[str], cpu: bool = True) -> LoadedLearner:
    """What :meth:`Learner.export` or :meth:`Learner.save` wrote. Loading never runs code from a file."""
    return LoadedLearner(fname)
