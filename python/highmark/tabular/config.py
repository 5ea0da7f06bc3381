"""The options of the model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .checks import real

__all__ = ["tabular_config"]


def tabular_config(
    ps: Any = None,
    embed_p: float = 0.0,
    y_range: tuple[float, float] | None = None,
    use_bn: bool = True,
    bn_final: bool = False,
    bn_cont: bool = True,
    act_cls: Any = "relu",
    lin_first: bool = True,
) -> dict[str, Any]:
    """The options of the model: dropout of the layers and of the embeddings, a range for the outputs, batch norm in the
    layers, the last one and for continuous columns, the activation, and what comes first in a layer."""
    dropout = [] if ps is None else [real("ps", p) for p in (ps if isinstance(ps, Iterable) else [ps])]
    return {
        "dropout": dropout,
        "embed_dropout": real("embed_p", embed_p),
        "y_range": None if y_range is None else [real("y_range", y) for y in y_range],
        "batch_norm": bool(use_bn),
        "bn_final": bool(bn_final),
        "bn_cont": bool(bn_cont),
        "activation": _activation(act_cls),
        "linear_first": bool(lin_first),
    }


def _activation(act_cls: Any) -> str:
    name = act_cls if isinstance(act_cls, str) else getattr(act_cls, "__name__", type(act_cls).__name__)
    return {"leakyrelu": "leaky-relu", "swish": "silu"}.get(name.lower(), name.lower())
