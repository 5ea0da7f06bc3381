"""highmark: training of tabular neural networks that stops when it no longer pays, and hands back the best model.

``from highmark.tabular.all import *`` brings the names of fastai's tabular package, ``highmark.callbacks`` the callbacks
under Keras's names, ``highmark.sklearn`` estimators for scikit-learn.
"""

from importlib.metadata import version as _version

__version__: str = _version("highmark")
__all__ = ["__version__"]
