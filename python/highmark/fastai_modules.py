"""fastai's modules under highmark's name: ``highmark.callback.tracker`` and the others all are ``highmark.tabular.all``; those
that highmark has itself give its names too."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["FastaiModules", "of_fastai"]

_NAMES = {
    "highmark": "basics callback data imports interpret layers learner losses metrics optimizer torch_core",
    "highmark.callback": "all core data fp16 hook progress schedule tracker training",
    "highmark.data": "all block core external load transforms",
    "highmark.tabular": "core",
}
_MODULES = {f"{package}.{name}" for package, names in _NAMES.items() for name in names.split()}


class FastaiModules(MetaPathFinder, Loader):
    """Finds them when they are imported, if there is no module of that name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _MODULES:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=fullname in _NAMES)

    def exec_module(self, module: ModuleType) -> None:
        everything = importlib.import_module("highmark.tabular.all")
        # A package's own attributes, its path for one, stay as they are.
        vars(module).update({name: getattr(everything, name) for name in everything.__all__})
        vars(module)["__all__"] = everything.__all__


def of_fastai(module: str, name: str) -> Any:
    """What fastai has as ``name`` in its module of the same name, for a module's ``__getattr__``."""
    everything = importlib.import_module("highmark.tabular.all")
    if name.startswith("_") or name not in everything.__all__:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return getattr(everything, name)
