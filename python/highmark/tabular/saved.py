"""Models from files."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from .. import _highmark
from .described import Described
from .info import Info
from .learner import Learner
from .loader import DataLoader, test_loader
from .predictions import Row, decisions, one_row, predicted
from .tensor import tensor_of

__all__ = ["LoadedLearner", "load_learner"]

_SCORES = ("metrics", "validate")
# What a learner that trains has beside its methods.
_TRAINS = ("loss_func", "lr", "model", "opt", "opt_func", "recorder")


class LoadedLearner:
    """A model from a file: it predicts, and cannot train. ``dls.test_dl`` prepares other rows for it."""

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._file = os.fspath(file)
        self._saved = _highmark.SavedModel.load(self._file)
        self.description: dict[str, Any] = json.loads(self._saved.describe())
        self.dls = _SavedLoaders(Info(self._saved.pipeline))

    def get_preds(self, dl: DataLoader, with_decoded: bool = False) -> tuple[Any, ...]:
        """Predictions (activated) and targets of a loader, and decoded predictions if asked for."""
        if not isinstance(dl, DataLoader):
            raise TypeError(f"dl: a loader is needed, learn.dls.test_dl(df) for one, not {dl!r}")
        if dl._info.description != self.dls._info.description:
            raise ValueError("dl: these rows were prepared for another model; prepare them by this one's dls.test_dl(df)")
        activated = self._saved.predict(dl.rows)
        pair = (tensor_of(activated), tensor_of(dl.dataset.arrays()[2]))
        return (*pair, tensor_of(decisions(self.dls._info, activated))) if with_decoded else pair

    def predict(self, row: Any) -> tuple[Row, Any, np.ndarray]:
        """As :meth:`Learner.predict`."""
        dataset, _ = self.dls._info.apply(one_row(row))
        return predicted(self.dls._info, dataset, self._saved.predict(dataset))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not (name in (*_SCORES, *_TRAINS) or hasattr(Learner, name)):
            raise AttributeError(f"{type(self).__name__} has no attribute `{name}`")
        advice = "make a tabular_learner with loaders of the same table and take the weights by its load, of a file named .safetensors"
        if name in _SCORES:
            advice = "score what it predicts, by accuracy(*learn.get_preds(learn.dls.test_dl(df))) for one"
        raise AttributeError(f"{name}: a model from a file only predicts; {advice}")

    def __copy__(self) -> LoadedLearner:
        """Itself, as it never changes."""
        return self

    def __deepcopy__(self, memo: Any) -> LoadedLearner:
        return self

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
