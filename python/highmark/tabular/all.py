"""Everything under fastai's names: ``from highmark.tabular.all import *``."""

from __future__ import annotations

import gc
import importlib

# fastai's star brings these of Python too, and scripts count on it.
import json
import math
import os
import random
import re
import sys
import time
import warnings
from collections import Counter, OrderedDict, defaultdict, namedtuple
from copy import copy, deepcopy
from functools import cached_property, partial, reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..exceptions import (
    CancelBackwardException,
    CancelBatchException,
    CancelEpochException,
    CancelException,
    CancelFitException,
    CancelStepException,
    CancelTrainException,
    CancelValidException,
)
from ..seed import set_seed
from .builtin import (
    CSVLogger,
    EarlyStoppingCallback,
    GradientAccumulation,
    GradientClip,
    ReduceLROnPlateau,
    SaveModelCallback,
    TerminateOnNaNCallback,
)
from .callback import Callback, TrackerCallback
from .class_metrics import (
    APScoreBinary,
    BalancedAccuracy,
    BrierScore,
    CohenKappa,
    ExplainedVariance,
    F1Score,
    FBeta,
    HammingLoss,
    Jaccard,
    LogLoss,
    MatthewsCorrCoef,
    Precision,
    R2Score,
    Recall,
    RocAuc,
    RocAucBinary,
)
from .config import Mish, Swish, tabular_config
from .data import (
    DataLoader,
    DataLoaders,
    TabDataLoader,
    TabularDataLoaders,
    TabularPandas,
    URLs,
    cont_cat_split,
    untar_data,
)
from .dates import add_datepart, make_date
from .elapsed import add_elapsed_times
from .fit_options import Checkpoint
from .interpretation import ClassificationInterpretation, Interpretation
from .label_metrics import (
    APScoreMulti,
    BrierScoreMulti,
    F1ScoreMulti,
    FBetaMulti,
    HammingLossMulti,
    JaccardMulti,
    MatthewsCorrCoefMulti,
    PrecisionMulti,
    RecallMulti,
    RocAucMulti,
)
from .learner import (
    Learner,
    SuggestionMethod,
    minimum,
    slide,
    steep,
    valley,
)
from .losses import (
    BCEWithLogitsLossFlat,
    CrossEntropyLossFlat,
    FocalLoss,
    FocalLossFlat,
    HuberLossFlat,
    L1LossFlat,
    LabelSmoothingCrossEntropy,
    LabelSmoothingCrossEntropyFlat,
    MSELossFlat,
)
from .metrics import (
    AccumMetric,
    AvgMetric,
    Metric,
    accuracy,
    accuracy_multi,
    error_rate,
    mae,
    mse,
    optim_metric,
    rmse,
    skm_to_fastai,
    top_k_accuracy,
)
from .numpy_metrics import PearsonCorrCoef, Perplexity, SpearmanCorrCoef, exp_rmspe, msle, perplexity
from .optimizers import SGD, Adam, RAdam, RMSProp
from .procs import (
    Categorify,
    CategoryBlock,
    FillMissing,
    FillStrategy,
    MultiCategoryBlock,
    Normalize,
    RegressionBlock,
)
from .recorder import ProgressCallback, Recorder, ShowGraphCallback
from .report import Report
from .saved import load_learner
from .schedules import (
    ParamScheduler,
    SchedCos,
    SchedExp,
    SchedLin,
    SchedNo,
    SchedPoly,
    combine_scheds,
    combined_cos,
)
from .shrink import df_shrink, df_shrink_dtypes
from .splitters import (
    ColSplitter,
    EndSplitter,
    FuncSplitter,
    IndexSplitter,
    MaskSplitter,
    RandomSplitter,
    RandomSubsetSplitter,
    TrainTestSplitter,
)
from .tabular import TabularLearner, emb_sz_rule, get_emb_sz, tabular_learner
from .tensor import Tensor, tensor, tensor_of
from .torchs import F, nn, torch

__all__ = [
    "APScoreBinary",
    "APScoreMulti",
    "AccumMetric",
    "Adam",
    "AvgMetric",
    "BCEWithLogitsLossFlat",
    "BalancedAccuracy",
    "BrierScore",
    "BrierScoreMulti",
    "CSVLogger",
    "Callback",
    "CancelBackwardException",
    "CancelBatchException",
    "CancelEpochException",
    "CancelException",
    "CancelFitException",
    "CancelStepException",
    "CancelTrainException",
    "CancelValidException",
    "Categorify",
    "CategoryBlock",
    "Checkpoint",
    "ClassificationInterpretation",
    "CohenKappa",
    "ColSplitter",
    "Counter",
    "CrossEntropyLossFlat",
    "DataLoader",
    "DataLoaders",
    "EarlyStoppingCallback",
    "EndSplitter",
    "ExplainedVariance",
    "F",
    "F1Score",
    "F1ScoreMulti",
    "FBeta",
    "FBetaMulti",
    "FillMissing",
    "FillStrategy",
    "FocalLoss",
    "FocalLossFlat",
    "FuncSplitter",
    "GradientAccumulation",
    "GradientClip",
    "HammingLoss",
    "HammingLossMulti",
    "HuberLossFlat",
    "IndexSplitter",
    "Interpretation",
    "Jaccard",
    "JaccardMulti",
    "L1LossFlat",
    "LabelSmoothingCrossEntropy",
    "LabelSmoothingCrossEntropyFlat",
    "Learner",
    "LogLoss",
    "MSELossFlat",
    "MaskSplitter",
    "MatthewsCorrCoef",
    "MatthewsCorrCoefMulti",
    "Metric",
    "Mish",
    "MultiCategoryBlock",
    "Normalize",
    "OrderedDict",
    "ParamScheduler",
    "Path",
    "PearsonCorrCoef",
    "Perplexity",
    "Precision",
    "PrecisionMulti",
    "ProgressCallback",
    "R2Score",
    "RAdam",
    "RMSProp",
    "RandomSplitter",
    "RandomSubsetSplitter",
    "Recall",
    "RecallMulti",
    "Recorder",
    "ReduceLROnPlateau",
    "RegressionBlock",
    "Report",
    "RocAuc",
    "RocAucBinary",
    "RocAucMulti",
    "SGD",
    "SaveModelCallback",
    "SchedCos",
    "SchedExp",
    "SchedLin",
    "SchedNo",
    "SchedPoly",
    "ShowGraphCallback",
    "SpearmanCorrCoef",
    "SuggestionMethod",
    "Swish",
    "TabDataLoader",
    "TabularDataLoaders",
    "TabularLearner",
    "TabularPandas",
    "Tensor",
    "TerminateOnNaNCallback",
    "TrackerCallback",
    "TrainTestSplitter",
    "URLs",
    "accuracy",
    "accuracy_multi",
    "add_datepart",
    "add_elapsed_times",
    "combine_scheds",
    "combined_cos",
    "cont_cat_split",
    "copy",
    "deepcopy",
    "defaultdict",
    "df_shrink",
    "df_shrink_dtypes",
    "emb_sz_rule",
    "error_rate",
    "exp_rmspe",
    "first",
    "flatten_check",
    "get_emb_sz",
    "json",
    "load_learner",
    "mae",
    "make_date",
    "math",
    "minimum",
    "mse",
    "msle",
    "namedtuple",
    "nn",
    "noop",
    "np",
    "optim_metric",
    "os",
    "partial",
    "pd",
    "perplexity",
    "plt",
    "random",
    "range_of",
    "re",
    "reduce",
    "rmse",
    "set_seed",
    "skm_to_fastai",
    "slide",
    "steep",
    "store_attr",
    "sys",
    "tabular_config",
    "tabular_learner",
    "tensor",
    "test_eq",
    "time",
    "to_detach",
    "to_np",
    "top_k_accuracy",
    "torch",
    "untar_data",
    "valley",
    "warnings",
]


def first(x: Any) -> Any:
    """The first of ``x``, such as the first batch of a loader; ``None`` if there is none."""
    return next(iter(x), None)


def flatten_check(inp: Any, targ: Any) -> tuple[Tensor, Tensor]:
    """Both as arrays of one axis, or an :class:`AssertionError` if one has more values than the other."""
    flat_inp, flat_targ = (tensor_of(np.asarray(x).reshape(-1)) for x in (inp, targ))
    test_eq(len(flat_inp), len(flat_targ))
    return flat_inp, flat_targ


def to_np(x: Any) -> np.ndarray:
    """``x`` as a plain array of numpy."""
    return np.asarray(x)


def to_detach(x: Any, cpu: bool = True, gather: bool = True) -> Any:
    """``x`` itself: arrays here have no gradient and are on no other device."""
    return x


def noop(x: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``x`` itself."""
    return x


def store_attr(names: str | None = None, self: Any = None, but: str = "", **attrs: Any) -> None:
    """Keeps the arguments of the method that calls it (all of them, or ``names`` with commas between them) in its object."""
    frame = sys._getframe(1)
    code, given = frame.f_code, frame.f_locals
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    owner = given[arguments[0]] if self is None else self
    wanted = arguments if names is None else [name.strip() for name in names.split(",") if name.strip()]
    left_out = {name.strip() for name in but.split(",")}
    for name in wanted:
        if given[name] is not owner and name not in left_out:
            setattr(owner, name, given[name])
    for name, value in attrs.items():
        setattr(owner, name, value)


def test_eq(a: Any, b: Any) -> None:
    """An :class:`AssertionError` unless both are equal: arrays and DataFrames in all that they hold, lists and dicts item by
    item."""
    if not _equal(a, b):
        raise AssertionError(f"==:\n{a}\n{b}")


# No test of those who have it by a star.
test_eq.__test__ = False  # type: ignore[attr-defined]


def _equal(a: Any, b: Any) -> bool:
    if hasattr(a, "equals") and type(a) is type(b):
        return bool(a.equals(b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(value, b[key]) for key, value in a.items())
    if all(hasattr(x, "__iter__") and hasattr(x, "__len__") and not isinstance(x, (str, bytes, dict, set)) for x in (a, b)):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)


def range_of(x: Any) -> list[int]:
    """The row numbers of ``x``."""
    return list(range(len(x)))


def _ls(self: Path) -> list[Path]:
    return sorted(self.iterdir())


if not hasattr(Path, "ls"):
    # fastai's users have it on every path.
    Path.ls = _ls  # type: ignore[attr-defined]


class _Late:
    """A module that is imported when it is first used, so that the names can be there at no cost."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._module, attribute)

    @cached_property
    def _module(self) -> ModuleType:
        # An import makes much and gives nothing up: not to look for cycles meanwhile takes an eighth off pandas's time. Frozen
        # and thawed, what it made counts as old, or the next look would be long.
        collects = gc.isenabled()
        gc.disable()
        try:
            return importlib.import_module(self.__name__)
        finally:
            if collects:
                gc.freeze()
                gc.unfreeze()
                gc.enable()

    def __repr__(self) -> str:
        return f"<module {self.__name__!r}>"


pd: Any = _Late("pandas")
plt: Any = _Late("matplotlib.pyplot")
