"""What a fitted preparation says of itself."""

from __future__ import annotations

import json
import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _highmark
from ..tables import to_table
from .names import Names
from .vocab import Vocab

if TYPE_CHECKING:
    from .rewritten import Encoding

__all__ = ["Info"]


class Info:
    """What a fitted preparation says of itself."""

    def __init__(self, pipeline: _highmark.Pipeline) -> None:
        self.pipeline = pipeline
        self.description = pipeline.describe()
        said = json.loads(self.description)
        self.cat_names = Names(said["cat_names"])
        self.cont_names = Names(said["cont_names"])
        self.features: list[str] = said["features"]
        self.cardinalities: list[int] = said["cardinalities"]
        self.outputs: int = said["outputs"]
        self.fill = dict(said["fill"]["columns"]) if said["fill"] else {}
        self.procs: list[dict[str, Any]] = said["procs"]
        self.normalized = said["normalize"] is not None
        normalize = said["normalize"] or {"means": [0.0] * len(self.cont_names), "stds": [1.0] * len(self.cont_names)}
        self.means = dict(zip(self.cont_names, normalize["means"], strict=True))
        self.stds = dict(zip(self.cont_names, normalize["stds"], strict=True))
        self.classes: dict[str, Vocab] = {name: Vocab(["#na#", *levels]) for name, levels in said["categorify"]["columns"]}
        self.task: str = said["task"]["kind"]
        self.y_names = Names(said["task"].get("columns") or [said["task"]["column"]])
        labels = said["task"].get("labels") or self.y_names
        self.vocab = Vocab(said["task"].get("classes") or (labels if self.task == "multi-label" else []))

    @cached_property
    def encoding(self) -> Encoding:
        """What takes rows that were changed in their encoded form."""
        from .rewritten import Encoding

        return Encoding(self)

    def apply(self, source: Any) -> tuple[_highmark.Dataset, list[str]]:
        """Encodes a table of any kind, and says in what it differs from the training table."""
        table = to_table(source, [*self.features, *self.y_names])
        return self.pipeline.apply(table)

    def decode(self, cat: np.ndarray, cont: np.ndarray, y: np.ndarray | None) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {}
        for i, name in enumerate(self.cat_names):
            columns[name] = [self.classes[name][code] for code in cat[:, i]]
        for i, name in enumerate(self.cont_names):
            columns[name] = self._numbers(name, cont[:, i])
        if y is not None:
            columns.update(self.decode_targets(y))
        return columns

    def _numbers(self, name: str, encoded: np.ndarray) -> list[float]:
        """In their own unit. What was normalized is known to some seven digits of its deviation; the others would make a
        billionth of a zero."""
        std = self.stds[name]
        values = [float(x) for x in encoded.astype(np.float64) * std + self.means[name]]
        digits = 6 - math.ceil(math.log10(std))
        return [round(x, digits) + 0.0 for x in values] if self.normalized else values

    def decode_targets(self, y: np.ndarray, suffix: str = "") -> dict[str, list[Any]]:
        y = np.asarray(y)
        y = y[:, None] if y.ndim == 1 else y
        if self.task == "classification":
            return {self.y_names[0] + suffix: [self.vocab[int(code)] for code in y[:, 0]]}
        return {name + suffix: [float(x) for x in y[:, i]] for i, name in enumerate(self.y_names)}
