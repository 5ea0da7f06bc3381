"""Predictions and scores of rows, by a learner or by a model from a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _highmark
from ..screen import show_table
from .callback_list import listed
from .loader import DataLoader
from .losses import BaseLoss, activation_of
from .metrics import Batch, CoreMetric, Metric, as_number
from .predictions import Row, decisions, one_row, predicted
from .tensor import Tensor, tensor_of

__all__ = ["Inference"]


class Inference:
    """What a learner and a model from a file can do with rows. A part of both."""

    dls: Any
    loss_func: BaseLoss
    metrics: list[Metric | CoreMetric]

    def _outputs(self, rows: _highmark.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Raw outputs, activated ones, and the loss of each row if there are targets."""
        raise NotImplementedError

    def _loader(self, ds_idx: int | DataLoader, dl: DataLoader | None) -> DataLoader:
        loader = dl if dl is not None else ds_idx if isinstance(ds_idx, DataLoader) else self.dls[ds_idx]
        if not isinstance(loader, DataLoader):
            raise TypeError(f"dl: a loader is needed, learn.dls.test_dl(df) for one, not {loader!r}")
        return loader

    def get_preds(
        self,
        ds_idx: int | DataLoader = 1,
        dl: DataLoader | None = None,
        with_input: bool = False,
        with_decoded: bool = False,
        with_loss: bool = False,
        act: Any = None,
        inner: bool = False,
        reorder: bool = True,
        cbs: Any = None,
        with_preds: bool = True,
        with_targs: bool = True,
    ) -> tuple[Any, ...]:
        """Predictions and targets of the validation rows, of ``dls[ds_idx]``, or of a loader, in the order of the rows:
        inputs (if asked for), predictions (activated), targets, decoded predictions and losses (if asked for). ``None``
        stands for predictions or targets that are not wanted. ``cbs`` must be none: predictions call nobody."""
        if listed(cbs):
            raise ValueError("cbs: predictions call no callbacks; look at what get_preds returns, or validate(cbs=...)")
        loader = self._loader(ds_idx, dl)
        raw, activated, losses = self._outputs(loader.rows)
        result: list[Any] = []
        if with_input:
            cat, cont, _ = loader.rows.arrays()
            result.append((tensor_of(cat.astype(np.int64)), tensor_of(cont)))
        if with_preds:
            result.append(tensor_of(activated) if act is None else act(tensor_of(raw)))
        else:
            result.append(None)
        result.append(tensor_of(loader.rows.targets()) if with_targs else None)
        if with_decoded:
            result.append(tensor_of(self._decisions(activated)))
        if with_loss:
            result.append(tensor_of(losses))
        return tuple(result)

    def predict(self, row: Any) -> tuple[Row, Any, Tensor]:
        """The prediction for one row (a Series of pandas, or a mapping): the row with it, its class or value, and the
        probabilities or values."""
        dataset, _ = self.dls._info.apply(one_row(row))
        activated = self._outputs(dataset)[1]
        return predicted(self.dls._info, dataset, activated, self._decisions(activated))

    def show_results(
        self, ds_idx: int | DataLoader = 1, dl: DataLoader | None = None, max_n: int = 10, **kwargs: Any
    ) -> None:
        """Shows rows with their targets and predictions."""
        loader = self._loader(ds_idx, dl)
        rows = list(range(min(max_n, loader.n)))
        columns = loader.decoded(rows)
        decided = self._decisions(self._outputs(loader.rows)[1])
        columns.update(self.dls._info.decode_targets(decided[: len(rows)], "_pred"))
        show_table(columns)

    def _decisions(self, activated: np.ndarray) -> np.ndarray:
        return decisions(self.dls._info, activated, self.loss_func.thresh)

    def _scores(self, loader: DataLoader, bs: int) -> list[float]:
        """Mean loss and metrics of a loader's rows, by batches of ``bs``: the mean of weighted losses depends on them, and so
        do metrics that are means."""
        raw = self._outputs(loader.rows)[0]
        targets = loader.rows.targets()
        if targets is None:
            raise ValueError("these rows have no targets, so there is no loss")
        batches = [(raw[at : at + bs], targets[at : at + bs]) for at in range(0, len(raw), bs)]
        losses = [self.loss_func(*batch) for batch in batches]
        values = [float(np.average(losses, weights=[len(batch[0]) for batch in batches]))]
        for metric in self.metrics:
            if isinstance(metric, CoreMetric):
                kind = activation_of(self.loss_func.name)
                values.append(_highmark.metric_value(metric.core, raw, targets, kind))
            else:
                metric.reset()
                for pred, y in batches:
                    metric.accumulate(Batch(self, pred, y))
                values.append(float("nan") if metric.value is None else as_number(metric, metric.value))
        return values
