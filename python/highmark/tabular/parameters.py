"""The parameters of a model, and how many they are."""

from __future__ import annotations

from typing import Any

from .tensor import Tensor

__all__ = ["params", "total_params", "trainable_params"]


def params(m: Any) -> list[Tensor]:
    """The parameters of a model."""
    return list(m.parameters())


def trainable_params(m: Any) -> list[Tensor]:
    """Those that are trained: all, as nothing is ever frozen."""
    return [parameter for parameter in m.parameters() if parameter.requires_grad]


def total_params(m: Any) -> tuple[int, bool]:
    """How many numbers a model has, and whether they are trained."""
    return sum(parameter.numel() for parameter in m.parameters()), True
