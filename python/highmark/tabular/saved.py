"""Models from files."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from .. import _highmark
from ..tables import to_table
from .info import Info
from .predictions import Row, decisions, one_row, predicted

__all__ = ["LoadedLearner", "load_learner"]


class LoadedLearner:
    """A model from a file: it predicts, and cannot train. ``dls.test_dl`` prepares other rows for it."""

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._saved = _highmark.SavedModel.load(os.fspath(file))
        self.description: dict[str, Any] = json.loads(self._saved.describe())
        self.dls = _SavedLoaders(Info(self._saved.pipeline))

    def get_preds(self, dl: SavedRows, with_decoded: bool = False) -> tuple[Any, ...]:
        """Predictions (activated) and targets of a loader, and decoded predictions if asked for."""
        if not isinstance(dl, SavedRows):
            raise TypeError(f"dl: a loader is needed, learn.dls.test_dl(df) for one, not {dl!r}")
        activated, _ = self._saved.predict(dl.table)
        targets = dl.dataset.arrays()[2]
        return (activated, targets, decisions(self.dls._info, activated)) if with_decoded else (activated, targets)

    def predict(self, row: Any) -> tuple[Row, Any, np.ndarray]:
        """As :meth:`Learner.predict`."""
        table = to_table(one_row(row))
        activated, _ = self._saved.predict(table)
        return predicted(self.dls._info, self.dls._info.apply(table)[0], activated)

    def __repr__(self) -> str:
        return f"LoadedLearner of {self.dls._info.task} of {', '.join(self.dls._info.y_names)}"


class SavedRows:
    """Rows for a model from a file; ``drift`` tells what is new in them."""

    def __init__(self, table: _highmark.Table, info: Info) -> None:
        self.table = table
        self.dataset, self.drift = info.apply(table)

    def __len__(self) -> int:
        return self.table.rows


class _SavedLoaders:
    def __init__(self, info: Info) -> None:
        self._info = info
        self.vocab = info.vocab
        self.classes = info.classes
        self.cat_names = info.cat_names
        self.cont_names = info.cont_names
        self.y_names = info.y_names
        self.c = info.outputs

    def test_dl(self, test_items: Any, **kwargs: Any) -> SavedRows:
        """Rows to predict, of a table of any kind."""
        return SavedRows(to_table(test_items, [*self._info.features, *self._info.y_names]), self._info)


def load_learner(fname: str | os.PathLike[str], cpu: bool = True) -> LoadedLearner:
    """What :meth:`Learner.export` or :meth:`Learner.save` wrote. Loading never runs code from a file."""
    return LoadedLearner(fname)
