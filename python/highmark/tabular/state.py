"""What callbacks and metrics remember as JSON, for checkpoints: to the bit, numbers and arrays of numpy included."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

from .tensor import Tensor

__all__ = ["dumps", "loads"]

_NUMPY, _FLOAT, _TUPLE = "__numpy__", "__float__", "__tuple__"


def dumps(state: Any) -> str:
    """As text. Fails on what is neither numbers, text, truth values, lists, tuples, mappings by text, nor numpy's."""
    return json.dumps(_plain(state), allow_nan=False)


def loads(text: str) -> Any:
    """Back again."""
    return json.loads(text, object_hook=_restored)


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biufcUS":
            raise TypeError(f"an array of the type {value.dtype} cannot go into a checkpoint; turn it into numbers or text")
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        said = {_NUMPY: value.dtype.str, "shape": list(value.shape), "data": data}
        return said | {"tensor": True} if isinstance(value, Tensor) else said
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: repr(value)}
    if isinstance(value, tuple):
        return {_TUPLE: [_plain(item) for item in value]}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"a mapping by {name!r} cannot go into a checkpoint; its names must be text")
        return {name: _plain(item) for name, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"an object of the type {type(value).__name__} cannot go into a checkpoint; let `state_dict` give numbers, text, "
        "lists, mappings and arrays of numpy"
    )


def _restored(value: dict[str, Any]) -> Any:
    if _NUMPY in value:
        array = np.frombuffer(base64.b64decode(value["data"]), dtype=value[_NUMPY]).reshape(value["shape"])
        if "tensor" in value:
            return array.copy().view(Tensor)
        return array.copy() if array.ndim else array[()]
    if _FLOAT in value:
        return float(value[_FLOAT])
    return tuple(value[_TUPLE]) if _TUPLE in value else value
