"""Predictions as users read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _highmark
from ..screen import show_table
from .info import Info
from .tensor import Tensor

__all__ = ["Row", "decisions", "one_row", "predicted"]


def decisions(info: Info, activated: np.ndarray, thresh: float) -> np.ndarray:
    """A class for each row, whether each label is there, or numbers as they are."""
    if info.task == "classification":
        return activated.argmax(axis=1) if activated.shape[1] > 1 else (activated[:, 0] > thresh).astype(np.int64)
    return activated > thresh if info.task == "multi-label" else activated


def one_row(row: Any) -> dict[str, list[Any]]:
    items = row.items() if hasattr(row, "items") else None
    if items is None or hasattr(row, "columns"):
        raise TypeError(f"row: a Series of pandas or a mapping of names to values is needed, not {type(row).__name__}")
    return {str(name): _cell(value) for name, value in items}


def _cell(value: Any) -> Any:
    cell = np.empty(1, dtype=object)
    cell[0] = value.item() if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0 else value
    return cell


class Row(dict[str, Any]):
    """A row with its prediction."""

    def show(self) -> None:
        """Shows it."""
        show_table({name: [value] for name, value in self.items()})


def predicted(
    info: Info, dataset: _highmark.Dataset, activated: np.ndarray, decided: np.ndarray
) -> tuple[Row, Any, Tensor]:
    columns = info.decode(*dataset.arrays()[:2], decided)
    row = Row({name: values[0] for name, values in columns.items()})
    return row, decided.view(Tensor)[0], activated[0].view(Tensor)
