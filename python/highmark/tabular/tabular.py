"""A learner of a tabular model."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..notices import notice
from .checks import count
from .config import model_options
from .data import DataLoaders
from .learner import Learner

__all__ = ["TabularLearner", "emb_sz_rule", "get_emb_sz", "tabular_learner"]


# A target of this size costs a fit from 0 its first epochs.
_LARGE = 100.0


class TabularLearner(Learner):
    """A learner of a tabular model."""


def tabular_learner(
    dls: DataLoaders,
    layers: Iterable[int] | None = None,
    emb_szs: Mapping[str, int] | None = None,
    config: Mapping[str, Any] | None = None,
    n_out: int | None = None,
    y_range: tuple[float, float] | None = None,
    **kwargs: Any,
) -> TabularLearner:
    """A learner of a tabular model for ``dls``: hidden layers of 200 and 100 outputs unless ``layers`` says otherwise,
    embedding sizes by column name in ``emb_szs``, further options from :func:`tabular_config`. For the other arguments
    see :class:`Learner`."""
    if not isinstance(dls, DataLoaders):
        raise TypeError(f"dls: loaders are needed, TabularDataLoaders.from_df(...) for one, not {dls!r}")
    if n_out is not None and n_out != dls.c:
        raise ValueError(f"n_out: the target has {dls.c} outputs, not {n_out}")
    model = model_options({**(config or {}), **({} if y_range is None else {"y_range": y_range})})
    model["layers"] = [200, 100] if layers is None else [count("layers", n) for n in layers]
    for name in emb_szs or {}:
        if name not in dls.cat_names:
            raise KeyError(f"emb_szs: there is no categorical column `{name}`. There are: {', '.join(dls.cat_names)}")
    model["embedding_sizes"] = {name: count("emb_szs", size) for name, size in (emb_szs or {}).items()}
    known = inspect.signature(Learner).parameters
    for name in kwargs:
        if name not in known:
            raise TypeError(f"tabular_learner: there is no option `{name}`. There are: {', '.join(known)}")
    if "scale_target" not in kwargs and model.get("y_range") is None:
        _tell_of_size(dls)
    return TabularLearner(dls, model, **kwargs)


def _tell_of_size(dls: DataLoaders) -> None:
    """Says of a regression's targets that they are far from what a model begins with."""
    targets = dls.train.rows.targets()
    if dls._info.task != "regression" or targets is None:
        return
    for name, values in zip(dls.y_names, targets.T, strict=True):
        mean, spread = values.mean(dtype=np.float64), values.std(dtype=np.float64)
        if max(abs(mean), spread) > _LARGE:
            notice(
                f"target `{name}`: has a mean of {mean:,.4g} and a spread of {spread:,.4g}, where a model starts near 0; "
                "scale_target=True starts it there, and y_range=(low, high) bounds what it predicts"
            )
            return


def emb_sz_rule(n_cat: int) -> int:
    """The size of the embedding of a column with ``n_cat`` levels, where none is given."""
    return min(600, round(1.6 * n_cat**0.56))


def get_emb_sz(to: Any, sz_dict: Mapping[str, int] | None = None) -> list[tuple[int, int]]:
    """Levels and embedding size of each categorical column of a table or of loaders; ``sz_dict`` says other sizes."""
    info, given = to._info, sz_dict or {}
    sizes = [given.get(name, emb_sz_rule(n)) for name, n in zip(info.cat_names, info.cardinalities, strict=True)]
    return list(zip(info.cardinalities, sizes, strict=True))
