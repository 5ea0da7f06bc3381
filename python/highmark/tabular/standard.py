"""What fastai's star brings of Python itself, numpy and pandas. Scripts count on it."""

from __future__ import annotations

import collections
import enum
import functools
import inspect
import io
import itertools
import json
import math
import numbers
import operator
import os
import pickle
import platform
import random
import re
import shutil
import sys
import tempfile
import time
import types
import typing
import warnings
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import MutableMapping, MutableSequence
from contextlib import contextmanager, redirect_stdout
from copy import copy, deepcopy
from datetime import datetime
from enum import Enum, IntEnum
from functools import partial, reduce
from itertools import dropwhile, starmap, takewhile, zip_longest
from numbers import Number, Real
from operator import attrgetter, itemgetter, methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import (  # noqa: UP035
    Any,
    Callable,
    Dict,
    Generator,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
)

import numpy as np
from numpy import array, ndarray

from .late import Late, LateMember

__all__ = [
    "Any",
    "Callable",
    "CategoricalDtype",
    "Counter",
    "Dict",
    "Enum",
    "Generator",
    "IntEnum",
    "Iterable",
    "Iterator",
    "List",
    "MutableMapping",
    "MutableSequence",
    "Number",
    "Optional",
    "OrderedDict",
    "Path",
    "Real",
    "Sequence",
    "Set",
    "SimpleNamespace",
    "Tuple",
    "TypeVar",
    "Union",
    "array",
    "attrgetter",
    "bz2",
    "collections",
    "contextmanager",
    "copy",
    "csv",
    "datetime",
    "deepcopy",
    "defaultdict",
    "dropwhile",
    "enum",
    "functools",
    "glob",
    "hashlib",
    "inspect",
    "io",
    "is_numeric_dtype",
    "itemgetter",
    "itertools",
    "json",
    "math",
    "methodcaller",
    "mimetypes",
    "multiprocessing",
    "namedtuple",
    "ndarray",
    "np",
    "numbers",
    "operator",
    "os",
    "partial",
    "pd",
    "pickle",
    "platform",
    "plt",
    "random",
    "re",
    "redirect_stdout",
    "reduce",
    "requests",
    "scipy",
    "shutil",
    "starmap",
    "string",
    "sys",
    "takewhile",
    "tarfile",
    "tempfile",
    "threading",
    "time",
    "types",
    "typing",
    "warnings",
    "yaml",
    "zip_longest",
    "zipfile",
]

# Those that highmark and numpy do not import themselves.
pd: Any = Late("pandas")
plt: Any = Late("matplotlib.pyplot")
bz2: Any = Late("bz2")
csv: Any = Late("csv")
glob: Any = Late("glob")
hashlib: Any = Late("hashlib")
mimetypes: Any = Late("mimetypes")
multiprocessing: Any = Late("multiprocessing")
requests: Any = Late("requests")
scipy: Any = Late("scipy")
string: Any = Late("string")
tarfile: Any = Late("tarfile")
threading: Any = Late("threading")
yaml: Any = Late("yaml")
zipfile: Any = Late("zipfile")

CategoricalDtype: Any = LateMember(pd, "CategoricalDtype")
is_numeric_dtype: Any = LateMember(Late("pandas.api.types"), "is_numeric_dtype")


def _ls(self: Path) -> list[Path]:
    return sorted(self.iterdir())


if not hasattr(Path, "ls"):
    # fastai's users have it on every path.
    Path.ls = _ls  # type: ignore[attr-defined]
