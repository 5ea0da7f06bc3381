"""Estimators for scikit-learn: a learner in a pipeline, a search or a cross-validation.

Columns of a DataFrame that are no numbers are categories, and those that ``cat_features`` names; missing values are fine. A share of the rows (``valid_fraction``)
validates, and the best model is kept. Training stops when the validation loss has not improved for ``patience`` epochs; where
that is not said, for ten epochs and 500 batches after the learning rate has come to its highest.
Batches are of 64 rows, of fewer where there would not be eight in an epoch, but of eight at least, unless ``batch_size`` says
otherwise. Where rows to validate on are given to ``fit`` as ``eval_set``, all others are trained on.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from . import _highmark
from .callbacks import EarlyStopping
from .notices import notice
from .seed import current_seed
from .tables import column_names, is_pandas, to_table
from .tabular.checks import count, real
from .tabular.config import activation, tabular_config
from .tabular.data import DataLoaders, TabularPandas
from .tabular.losses import CrossEntropyLossFlat
from .tabular.optimizers import optimizer_spec
from .tabular.procs import Block, Categorify, CategoryBlock, FillMissing, Normalize, RegressionBlock
from .tabular.tabular import tabular_learner

__all__ = ["HighmarkClassifier", "HighmarkRegressor"]


class _Stopping(EarlyStopping):
    """Keeps the best model. Where no patience is asked for, it is that of the fit: its length and its warm-up count."""

    def __init__(self, patience: int | None) -> None:
        super().__init__(patience=10 if patience is None else patience, restore_best_weights=True)
        self._scaled = patience is None

    def _spec(self) -> dict[str, Any]:
        return super()._spec() | {"scaled_to_fit": self._scaled}


class _Estimator(BaseEstimator):
    def __init__(
        self,
        layers: tuple[int, ...] = (200, 100),
        dropout: float = 0.0,
        epochs: int = 50,
        lr: float = 1e-2,
        batch_size: int | None = None,
        patience: int | None = None,
        valid_fraction: float = 0.2,
        random_state: int | None = None,
        threads: int | None = None,
        activation: str = "relu",
        optimizer: Any = "adam",
        weight_decay: float | None = None,
        cat_features: Any = None,
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
        self.activation = activation
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.cat_features = cat_features

    def _columns(self, X: Any, reset: bool) -> dict[str, Any]:
        said = self.cat_features is not None
        if is_pandas(X) and (said or any(dtype.kind not in "iuf" for dtype in X.dtypes)):
            from sklearn.utils.validation import _check_feature_names, _check_n_features

            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, X, reset=reset)
            if len(X) == 0:
                # As scikit-learn has it of arrays.
                by = f"a minimum of 1 is required by {type(self).__name__}."
                raise ValueError(f"Found array with 0 sample(s) (shape={X.shape}) while {by}")
            return {name: X.iloc[:, i] for i, name in enumerate(column_names(X))}
        # An array may hold the texts of categories.
        dtype = None if said else "numeric"
        array = validate_data(self, X, reset=reset, dtype=dtype, ensure_all_finite="allow-nan")
        names = [str(name) for name in getattr(self, "feature_names_in_", [f"x{i}" for i in range(array.shape[1])])]
        columns = {name: np.ascontiguousarray(array[:, i]) for i, name in enumerate(names)}
        if array.dtype.kind not in "iufb":
            for name in set(names) - set(_named(self.cat_features, names)):
                columns[name] = _numbers(name, columns[name])
        return columns

    def _columns_and(self, X: Any, y: Any, reset: bool = True) -> tuple[dict[str, Any], np.ndarray]:
        columns = self._columns(X, reset=reset)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        rows = len(next(iter(columns.values())))
        if len(y) != rows:
            raise ValueError(f"Found input variables with inconsistent numbers of samples: {[rows, len(y)]}")
        return columns, y

    def _held_out(self, eval_set: Any) -> tuple[dict[str, Any], np.ndarray] | None:
        """The columns and the targets of the rows to validate on, if they are given."""
        if eval_set is None:
            return None
        pairs = eval_set if isinstance(eval_set, list) else [eval_set]
        if len(pairs) != 1 or not isinstance(pairs[0], tuple) or len(pairs[0]) != 2:
            raise ValueError("eval_set: one pair (X, y) of rows to validate on is needed, as a tuple, alone or in a list")
        try:
            return self._columns_and(*pairs[0], reset=False)
        except (TypeError, ValueError) as error:
            raise type(error)(f"eval_set: {error}") from None

    def _train(
        self,
        columns: dict[str, Any],
        y: np.ndarray,
        block: Block,
        held_out: tuple[dict[str, Any], np.ndarray] | None,
        classes: np.ndarray | None = None,
        loss: Any = None,
    ) -> None:
        settings = _settings(self)
        n, least = len(y), 3 if held_out is None else 2
        if n < least:
            raise ValueError(f"n_samples={n}: at least {least} rows are needed, to train on and to validate on")
        seed = settings["seed"]
        splits = _split(n, settings["valid_fraction"], classes, seed) if held_out is None else None
        said = _named(self.cat_features, list(columns))
        cont = [name for name, values in columns.items() if values.dtype.kind in "iuf" and name not in said]
        cat = [name for name in columns if name not in cont]
        target = "y" if "y" not in columns else "the target y"
        to = TabularPandas(
            {**columns, target: y},
            [Categorify, FillMissing, Normalize],
            cat,
            cont,
            target,
            block,
            splits,
            valid_df=None if held_out is None else {**held_out[0], target: held_out[1]},
        )
        self._tell("rows of eval_set", to.drift if held_out else [])
        train = len(to.train)
        # Where little is known, a few rows a step: an epoch of one step or two says nothing to ``patience``.
        bs = settings["batch_size"] or min(64, max(8, train // 8))
        learn = tabular_learner(
            DataLoaders(to, bs=max(2, min(bs, train))),
            settings["layers"],
            config=settings["config"],
            loss_func=loss,
            opt_func=settings["optimizer"],
            lr=settings["lr"],
            wd=settings["weight_decay"],
            seed=seed,
            threads=settings["threads"],
            scale_target=isinstance(block, RegressionBlock),
        )
        with learn.no_logging():
            self.report_ = learn.fit_one_cycle(settings["epochs"], settings["lr"], cbs=_Stopping(settings["patience"]))
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
        dataset, drift = self._model.pipeline.apply(to_table(self._columns(X, reset=False)))
        self._tell("rows to predict", drift)
        return self._model.predictions(dataset)[1]

    def _tell(self, rows: str, drift: list[str]) -> None:
        """Keeps in what rows differ from those that are trained on, and warns of it."""
        self.drift_ = drift
        if drift:
            told = "".join(f"\n  {line}" for line in drift)
            notice(f"{type(self).__name__}: {rows} differ from those that are trained on (`drift_` has the lines):{told}")

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


def _settings(given: _Estimator) -> dict[str, Any]:
    """The parameters of an estimator, or an error that names the one which is wrong."""
    if isinstance(given.layers, (str, bytes)) or not isinstance(given.layers, Iterable):
        raise TypeError(f"layers: a tuple of whole numbers is needed, (200, 100) for one, not {given.layers!r}")
    layers = [count("layers", outputs, 1) for outputs in given.layers]
    dropout, lr, valid_fraction = (real(name, getattr(given, name)) for name in ("dropout", "lr", "valid_fraction"))
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout: {dropout} is not in 0..1, without 1")
    if lr <= 0:
        raise ValueError(f"lr: {lr} is not above 0")
    if not 0 < valid_fraction < 1:
        raise ValueError(f"valid_fraction: {valid_fraction} is not between 0 and 1")
    weight_decay = None if given.weight_decay is None else real("weight_decay", given.weight_decay)
    if weight_decay is not None and weight_decay < 0:
        raise ValueError(f"weight_decay: {weight_decay} is below 0")
    optimizer = optimizer_spec(given.optimizer, "optimizer")
    if optimizer.lr is not None:
        raise ValueError(f"optimizer: it brings the rate {optimizer.lr}; give it as `lr` instead")
    name = activation("activation", given.activation)
    return {
        "layers": layers,
        "config": tabular_config(ps=[dropout] if dropout and layers else None, act_cls=name),
        "epochs": count("epochs", given.epochs, 1),
        "lr": lr,
        # Batch norm needs two rows.
        "batch_size": None if given.batch_size is None else count("batch_size", given.batch_size, 2),
        "patience": None if given.patience is None else count("patience", given.patience),
        "valid_fraction": valid_fraction,
        "seed": _seed(given.random_state),
        "threads": None if given.threads is None else count("threads", given.threads, 1),
        "optimizer": optimizer,
        "weight_decay": weight_decay,
    }


def _named(cat_features: Any, names: list[str]) -> list[str]:
    """The columns that ``cat_features`` names, by their names or by their places."""
    if cat_features is None:
        return []
    if isinstance(cat_features, (str, int, np.integer)) or not isinstance(cat_features, Iterable):
        raise TypeError(f'cat_features: a list of columns is needed, ["city"] or [0] for one, not {cat_features!r}')
    listed = list(cat_features)
    for column in listed:
        if isinstance(column, (bool, np.bool_)) or not isinstance(column, (str, int, np.integer)):
            raise TypeError(f"cat_features: names of columns or their places are needed, not {column!r}")
        if column not in (names if isinstance(column, str) else range(len(names))):
            there = ", ".join(names[:50]) + (", ..." if len(names) > 50 else "")
            raise ValueError(f"cat_features: there is no column {column!r}. There are {len(names)}, by place or name: {there}")
    return [column if isinstance(column, str) else names[column] for column in listed]


def _numbers(name: str, values: np.ndarray) -> np.ndarray:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column `{name}`: {error}; name it in cat_features if it is a category") from None


def _seed(random_state: Any) -> int:
    if random_state is None:
        return current_seed()
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return count("random_state", random_state)


def _refuse(others: dict[str, Any], instead: str) -> None:
    """Refuses what ``fit`` does not take. Named in its signature, scikit-learn would hand weights over by itself."""
    if others.pop("sample_weight", None) is not None:
        raise TypeError(f"fit: there is no option `sample_weight`, as the loss has no weights of rows; {instead}")
    if others:
        raise TypeError(f"fit: there is no option `{next(iter(others))}`. There are: X, y, eval_set")


def _places(y: np.ndarray, classes: np.ndarray) -> list[int]:
    """The number of the class of each row of ``eval_set``."""
    numbers = {label: i for i, label in enumerate(classes.tolist())}
    unknown = [label for label in dict.fromkeys(y.tolist()) if label not in numbers]
    if unknown:
        raise ValueError(f"eval_set: y has the class {unknown[0]!r}, which is not among those to train on: {list(numbers)}")
    return [numbers[label] for label in y.tolist()]


def _split(n: int, valid_fraction: float, classes: np.ndarray | None, seed: int) -> tuple[Any, Any]:
    if classes is not None and int(valid_fraction * n) >= len(np.unique(classes)):
        train, valid = _highmark.divide(n, valid_fraction, seed, classes.tolist())
    else:
        cut = max(1, int(valid_fraction * n))
        order = np.random.default_rng(seed).permutation(n)
        train, valid = np.sort(order[cut:]), np.sort(order[:cut])
    if classes is None:
        return train, valid
    # Every class must be among the rows to train on.
    back = np.isin(classes[valid], np.setdiff1d(classes[valid], classes[train]))
    train, valid = np.sort(np.concatenate([train, valid[back]])), valid[~back]
    return (train, valid) if len(valid) else (train[:-1], train[-1:])


def _bytes(learn: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return bytes(learn.export(Path(folder) / "model.safetensors").read_bytes())


class HighmarkClassifier(ClassifierMixin, _Estimator):
    """A tabular neural network that classifies. ``class_weight`` is what an error costs by the true class: ``"balanced"``, a
    mapping of classes to weights, or all alike."""

    def __init__(
        self,
        layers: tuple[int, ...] = (200, 100),
        dropout: float = 0.0,
        epochs: int = 50,
        lr: float = 1e-2,
        batch_size: int | None = None,
        patience: int | None = None,
        valid_fraction: float = 0.2,
        random_state: int | None = None,
        threads: int | None = None,
        activation: str = "relu",
        optimizer: Any = "adam",
        weight_decay: float | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        cat_features: Any = None,
    ) -> None:
        super().__init__(
            layers,
            dropout,
            epochs,
            lr,
            batch_size,
            patience,
            valid_fraction,
            random_state,
            threads,
            activation,
            optimizer,
            weight_decay,
            cat_features,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, eval_set: Any = None, **others: Any) -> HighmarkClassifier:
        """Trains on these rows; those of ``eval_set``, a pair of features and classes, validate if given."""
        _refuse(others, "class_weight says what the rows of a class count")
        columns, y = self._columns_and(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("y has only one class; there is nothing to learn")
        # As text, so that they are classes whatever their type, in the order of `classes_`.
        names = [str(label) for label in self.classes_]
        texts = np.array(names, dtype=object)
        held_out = self._held_out(eval_set)
        if held_out is not None:
            held_out = held_out[0], texts[_places(held_out[1], self.classes_)]
        self._train(columns, texts[codes], CategoryBlock(vocab=names, sort=False), held_out, codes, self._loss(y))
        return self

    def _loss(self, y: np.ndarray) -> CrossEntropyLossFlat | None:
        if self.class_weight is None:
            return None
        if not isinstance(self.class_weight, Mapping) and self.class_weight != "balanced":
            raise TypeError(f'class_weight: None, "balanced" or a dict is needed, not {self.class_weight!r}')
        if isinstance(self.class_weight, Mapping):
            for value in self.class_weight.values():
                if real("class_weight", value) < 0:
                    raise ValueError(f"class_weight: {value} is below 0")
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        if not np.any(weights):
            raise ValueError("class_weight: the weights of all classes are 0, so there is nothing to learn")
        return CrossEntropyLossFlat(weight=weights)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, rows × classes, in the order of ``classes_``."""
        probabilities = self._predict(X).astype(np.float64)
        # Each is rounded to 32 bits, and so is their sum.
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        codes = self._predict(X).argmax(axis=1)
        return self.classes_[codes]


class HighmarkRegressor(RegressorMixin, _Estimator):
    """A tabular neural network that predicts a number."""

    def fit(self, X: Any, y: Any, eval_set: Any = None, **others: Any) -> HighmarkRegressor:
        """Trains on these rows; those of ``eval_set``, a pair of features and numbers, validate if given."""
        _refuse(others, "rows that are to count twice may be there twice")
        columns, y = self._columns_and(X, y)
        held_out = self._held_out(eval_set)
        if held_out is not None:
            held_out = held_out[0], np.asarray(held_out[1], dtype=np.float64)
        self._train(columns, np.asarray(y, dtype=np.float64), RegressionBlock(), held_out)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number for each row."""
        return self._predict(X)[:, 0].astype(np.float64)
