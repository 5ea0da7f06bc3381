"""Charts, with matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np


def _axes() -> Any:
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def loss(recorder: Any, skip_start: int, with_valid: bool, log: bool, show_epochs: bool, ax: Any) -> Any:
    """The learning curve, in the axes that are current unless there are others."""
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.gca()
    history = recorder._history()
    losses = history["smooth_losses"]
    draw = ax.loglog if log else ax.plot
    draw(np.arange(skip_start, len(losses)), losses[skip_start:], label="train")
    ends = [(i, row[2]) for i, row in zip(history["iters"], history["rows"], strict=False)]
    valid = [(i, value) for i, value in ends if i >= skip_start and value is not None]
    if with_valid and valid:
        draw(*zip(*valid, strict=True), label="valid", marker="o", markersize=3)
    for i, _ in ends if show_epochs else []:
        ax.axvline(i, linestyle=":", color="grey", linewidth=1)
    ax.set(title="learning curve", xlabel="steps", ylabel="loss")
    ax.legend()
    return ax


def schedule(recorder: Any, keys: Any, figsize: Any) -> None:
    """Learning rate and momentum."""
    import matplotlib.pyplot as plt

    hps = recorder.hps
    keys = list(hps) if keys is None else [keys] if isinstance(keys, str) else list(keys)
    for key in keys:
        if key not in hps:
            raise KeyError(f"there is no hyper-parameter `{key}`. There are: {', '.join(hps)}")
    _, axes = plt.subplots(1, len(keys), figsize=figsize or (6 * len(keys), 4), squeeze=False)
    for key, ax in zip(keys, axes[0], strict=True):
        ax.plot(hps[key])
        ax.set(ylabel=key, xlabel="steps")


def metrics(recorder: Any, ax: Any) -> Any:
    """The metrics by epoch."""
    ax = _axes() if ax is None else ax
    rows = recorder._history()["rows"]
    names = recorder.metric_names[3:-1]
    for i, name in enumerate(names):
        values = [np.nan if row[3][i] is None else row[3][i] for row in rows]
        # matplotlib keeps names that begin with an underscore to itself, and draws no line of one epoch.
        ax.plot([row[0] for row in rows], values, label=name.lstrip("_"), marker="o", markersize=3)
    ax.set(xlabel="epoch")
    if names:
        ax.legend()
    return ax


def lr_find(found: dict[str, Any], points: dict[str, Any], skip_end: int = 5, log: bool = False, ax: Any = None) -> None:
    """The range test with suggestions, a rate and a loss for each name; nothing without matplotlib."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        return
    ax = _axes() if ax is None else ax
    shown = max(len(found["lrs"]) - skip_end, 0)
    ax.plot(found["lrs"][:shown], found["losses"][:shown])
    for name, point in points.items():
        ax.plot(*point, "o", label=name)
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss", yscale="log" if log else "linear")
    if points:
        ax.legend(loc="best")
