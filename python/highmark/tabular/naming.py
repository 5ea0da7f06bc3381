"""How an object of a class is called where it is an attribute or a column, as fastai does."""

from __future__ import annotations

import re

__all__ = ["attribute_name"]


def attribute_name(cls: type, suffix: str) -> str:
    """The name of a class in snake case, without a suffix that says what it is.

    >>> class MeanAbsMetric: ...
    >>> attribute_name(MeanAbsMetric, "Metric")
    'mean_abs'
    """
    name = re.sub(f"{suffix}$", "", cls.__name__) or suffix
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", name).lower()
