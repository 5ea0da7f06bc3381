"""Estimators for scikit-learn: a learner in a pipeline, a search or a cross-validation.

Columns of a DataFrame that are no numbers are categories; missing values are fine. A share of the rows (``valid_fraction``)
validates: training stops when the validation loss has not improved for ``patience`` epochs, and the best model is kept.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from . import _highmark
from .callbacks import EarlyStopping
from .seed import current_seed
from .tables import column_names, is_pandas, to_table
from .tabular.config import tabular_config
from .tabular.data import DataLoaders, TabularPandas
from .tabular.procs import Block, Categorify, CategoryBlock, FillMissing, Normalize, RegressionBlock
from .tabular.tabular import tabular_learner

__all__ = ["HighmarkClassifier", "HighmarkRegressor"]

_TARGET = "highmark target"


class _Estimator(BaseEstimator):
    _block: type[Block]

    def __init__(
        self,
        layers: tuple[int, ...] = (200, 100),
        dropout: float = 0.0,
        epochs: int = 50,
        lr: float = 1e-2,
        batch_size: int = 64,
        patience: int = 10,
        valid_fraction: float = 0.2,
        random_state: int | None = None,
        threads: int | None = None,
    ) -> None:
        self.layers = layers
        self.dropout = dropout
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.patience = patience
        self.valid_fraction = valid_fraction
        self.random_state = random_state
        self.threads = threads

    def _columns(self, X: Any, reset: bool) -> dict[str, Any]:
        if is_pandas(X) and any(dtype.kind not in "iufb" for dtype in X.dtypes):
            from sklearn.utils.validation import _check_feature_names, _check_n_features

            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, X, reset=reset)
            return {name: X[name] for name in column_names(X)}
        array = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(array.shape[1])])
        return {str(name): np.ascontiguousarray(array[:, i]) for i, name in enumerate(names)}

    def _columns_and(self, X: Any, y: Any) -> tuple[dict[str, Any], np.ndarray]:
        columns = self._columns(X, reset=True)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        rows = len(next(iter(columns.values())))
        if len(y) != rows:
            raise ValueError(f"Found input variables with inconsistent numbers of samples: {[rows, len(y)]}")
        return columns, y

    def _seed(self) -> int:
        if self.random_state is None:
            return current_seed()
        if isinstance(self.random_state, np.random.RandomState):
            return int(self.random_state.randint(2**31))
        return int(self.random_state)

    def _split(self, n: int, classes: np.ndarray | None, seed: int) -> tuple[Any, Any]:
        if classes is not None and int(self.valid_fraction * n) >= len(np.unique(classes)):
            return _highmark.divide(n, float(self.valid_fraction), seed, classes.tolist())
        cut = max(1, int(self.valid_fraction * n))
        order = np.random.default_rng(seed).permutation(n)
        return np.sort(order[cut:]), np.sort(order[:cut])

    def _train(self, columns: dict[str, Any], y: np.ndarray, classes: np.ndarray | None) -> None:
        n = len(y)
        if n < 3:
            raise ValueError(f"n_samples={n}: at least 3 rows are needed, to train on and to validate on")
        seed = self._seed()
        train, valid = self._split(n, classes, seed)
        if classes is not None:
            # Every class must be among the rows to train on.
            lost = np.setdiff1d(np.unique(classes[valid]), classes[train])
            back = np.isin(classes[valid], lost)
            train, valid = np.sort(np.concatenate([train, valid[back]])), valid[~back]
            if len(valid) == 0:
                train, valid = train[:-1], train[-1:]
        kinds = {name: getattr(getattr(values, "dtype", None), "kind", "O") for name, values in columns.items()}
        cont = [name for name in columns if kinds[name] in "iuf"]
        cat = [name for name in columns if name not in cont]
        to = TabularPandas(
            {**columns, _TARGET: y},
            [Categorify, FillMissing, Normalize],
            cat,
            cont,
            _TARGET,
            self._block,
            (train, valid),
        )
        bs = max(2, min(int(self.batch_size), len(train)))
        learn = tabular_learner(
            DataLoaders(to, bs=bs),
            list(self.layers),
            config=tabular_config(ps=[self.dropout] if self.dropout and self.layers else None),
            lr=self.lr,
            seed=seed,
            threads=self.threads,
            scale_target=self._block is RegressionBlock,
        )
        with learn.no_logging():
            stop = EarlyStopping(patience=self.patience, restore_best_weights=True)
            self.report_ = learn.fit_one_cycle(int(self.epochs), self.lr, cbs=stop)
        self.n_iter_ = self.report_.epochs_run
        self._load(_bytes(learn))

    def _load(self, model: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.safetensors"
            file.write_bytes(model)
            self._model = _highmark.SavedModel.load(os.fspath(file))
        self._model_bytes = model

    def _predict(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self._model.predict(to_table(self._columns(X, reset=False)))[0]

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_model", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_model_bytes" in state:
            self._load(state["_model_bytes"])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model_bytes")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _bytes(learn: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return bytes(learn.export(Path(folder) / "model.safetensors").read_bytes())


class HighmarkClassifier(ClassifierMixin, _Estimator):
    """A tabular neural network that classifies."""

    _block = CategoryBlock

    def fit(self, X: Any, y: Any) -> HighmarkClassifier:
        """Trains on these rows."""
        columns, y = self._columns_and(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("y has only one class; there is nothing to learn")
        # As text of equal length, so that their order is that of `classes_`.
        names = np.array([f"{code:09d}" for code in codes], dtype=object)
        self._train(columns, names, codes)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, rows × classes, in the order of ``classes_``."""
        return self._predict(X).astype(np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        codes = self._predict(X).argmax(axis=1)
        return self.classes_[codes]


class HighmarkRegressor(RegressorMixin, _Estimator):
    """A tabular neural network that predicts a number."""

    _block = RegressionBlock

    def fit(self, X: Any, y: Any) -> HighmarkRegressor:
        """Trains on these rows."""
        columns, y = self._columns_and(X, y)
        values = np.asarray(y, dtype=np.float64)
        self._train(columns, values, None)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number for each row."""
        return self._predict(X)[:, 0].astype(np.float64)
