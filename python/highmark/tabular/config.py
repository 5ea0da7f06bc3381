"""The options of the model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import _highmark
from .checks import real

__all__ = ["Mish", "Swish", "activation", "tabular_config"]


class Mish:
    """The activation x·tanh(ln(1 + eˣ)), for ``act_cls``."""


class Swish:
    """The activation x·σ(x), for ``act_cls``."""


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
        "activation": activation("act_cls", act_cls),
        "linear_first": bool(lin_first),
    }


def activation(what: str, act_cls: Any) -> str:
    """The library's name of an activation, given by name or as a class (torch's ``nn.GELU`` for one); an error calls it
    ``what``."""
    name = act_cls if isinstance(act_cls, str) else getattr(act_cls, "__name__", type(act_cls).__name__)
    return _highmark.activation(what, {"leakyrelu": "leaky-relu"}.get(name.lower(), name))
