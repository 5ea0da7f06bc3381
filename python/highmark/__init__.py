"""highmark: training of tabular neural networks that stops when it no longer pays, and hands back the best model.

``from highmark.tabular.all import *`` brings the names of fastai's tabular package, ``highmark.callbacks`` the callbacks
under Keras's names, ``highmark.sklearn`` estimators for scikit-learn.
"""

import sys

from .fastai_modules import FastaiModules

__version__: str
__all__ = ["__version__"]

# Last, so that it is asked only for what is no file.
sys.meta_path.append(FastaiModules())


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Takes longer to import than all of highmark.
    from importlib.metadata import version

    return version("highmark")
