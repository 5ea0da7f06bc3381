"""The options of the model."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from .. import _highmark
from .checks import real

__all__ = ["Mish", "Swish", "activation", "model_options", "tabular_config"]


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
    """The options of the model, by these names: dropout of the layers and of the embeddings, a range for the outputs, batch
    norm in the layers, the last one and for continuous columns, the activation, and what comes first in a layer."""
    config = dict(locals())
    model_options(config)
    return config


def model_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same as the library has them. What ``config`` does not say is as :func:`tabular_config` has it."""
    given = {name: parameter.default for name, parameter in inspect.signature(tabular_config).parameters.items()}
    for name in config:
        if name not in given:
            raise TypeError(f"config: there is no option `{name}`. There are: {', '.join(given)}")
    given.update(config)
    ps, y_range = given["ps"], given["y_range"]
    return {
        "dropout": [] if ps is None else [real("ps", p) for p in (ps if isinstance(ps, Iterable) else [ps])],
        "embed_dropout": real("embed_p", given["embed_p"]),
        "y_range": None if y_range is None else [real("y_range", y) for y in y_range],
        "batch_norm": bool(given["use_bn"]),
        "bn_final": bool(given["bn_final"]),
        "bn_cont": bool(given["bn_cont"]),
        "activation": activation("act_cls", given["act_cls"]),
        "linear_first": bool(given["lin_first"]),
    }


def activation(what: str, act_cls: Any) -> str:
    """The library's name of an activation, given by name or as a class (torch's ``nn.GELU`` for one); an error calls it
    ``what``."""
    name = act_cls if isinstance(act_cls, str) else getattr(act_cls, "__name__", type(act_cls).__name__)
    return _highmark.activation(what, {"leakyrelu": "leaky-relu"}.get(name.lower(), name))
