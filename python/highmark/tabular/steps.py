"""The steps of a preparation, with what they have found."""

from __future__ import annotations

from typing import Any

from .info import Info
from .procs import Categorify, Categorize, FillMissing, FillStrategy, Normalize, TabularProc

__all__ = ["Procs"]


class Procs(list[TabularProc]):
    """The steps of a preparation in their order, each also under its name: ``categorify.classes``, ``fill_missing.na_dict``,
    ``normalize.means`` and ``normalize.stds``, and of a target with classes ``categorize.vocab``."""

    def __init__(self, info: Info) -> None:
        steps = [_made(spec) for spec in info.procs]
        if info.task == "classification":
            steps.append(Categorize())
        super().__init__(step._found(info) for step in sorted(steps, key=lambda step: step.order))

    def __getattr__(self, name: str) -> Any:
        for proc in self:
            if proc.name == name:
                return proc
        raise AttributeError(f"there is no proc `{name}` among {', '.join(proc.name for proc in self) or 'none'}")


def _made(spec: dict[str, Any]) -> TabularProc:
    """The step that a preparation says it has."""
    if spec["proc"] != "fill_missing":
        return Categorify() if spec["proc"] == "categorify" else Normalize()
    strategy = spec["strategy"]
    if isinstance(strategy, dict):
        return FillMissing(FillStrategy.constant, spec["add_col"], strategy["constant"])
    return FillMissing(getattr(FillStrategy, strategy), spec["add_col"])
