"""The preparation of the columns, and the kinds of targets. What they do is the library's; these say what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .fastcore import noop
from .info import Info
from .naming import attribute_name
from .vocab import Vocab

__all__ = [
    "Categorify",
    "Categorize",
    "CategoryBlock",
    "FillMissing",
    "FillStrategy",
    "MultiCategoryBlock",
    "Normalize",
    "RegressionBlock",
    "TabularProc",
    "made_procs",
    "procs_spec",
]


class FillStrategy:
    """What missing numbers are replaced by. These stand for what the library does."""

    @staticmethod
    def median(c: Any, fill: Any = None) -> Any:
        """The middle one of the training rows' numbers."""
        return c.median()

    @staticmethod
    def constant(c: Any, fill: Any = None) -> Any:
        """The number that is given."""
        return fill

    @staticmethod
    def mode(c: Any, fill: Any = None) -> Any:
        """The most frequent of the training rows' numbers."""
        return c.mode().iloc[0]


class TabularProc:
    """A step of the preparation. Steps run in their own order, whatever the order they are given in. What a step has found
    in the training rows is an attribute of it, once a table was made with it."""

    order = 0

    @property
    def name(self) -> str:
        """The name under which ``procs`` has it."""
        return attribute_name(type(self), "Proc")

    def _spec(self) -> dict[str, Any] | None:
        """What the library needs to know of it."""
        raise NotImplementedError

    def _found(self, info: Info) -> TabularProc:
        """Itself, with what a fitted preparation says."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return type(self).__name__


class FillMissing(TabularProc):
    """Replaces missing numbers; ``add_col`` adds a column ``<name>_na`` for each column that has some in training. What they
    are replaced by is in ``na_dict``."""

    order = 0
    na_dict: dict[str, float]

    def __init__(
        self,
        fill_strategy: Any = FillStrategy.median,
        add_col: bool = True,
        fill_vals: float | Mapping[str, float] | None = None,
    ) -> None:
        name = getattr(fill_strategy, "__name__", fill_strategy)
        if name not in ("median", "constant", "mode"):
            raise ValueError(
                f"fill_strategy: {fill_strategy!r} is not FillStrategy.median, constant or mode; fill by another rule "
                "beforehand"
            )
        values = set(fill_vals.values()) if isinstance(fill_vals, Mapping) else {0.0 if fill_vals is None else fill_vals}
        if len(values) > 1:
            raise ValueError("fill_vals: all columns are filled with one number; fill the others beforehand")
        self.fill_strategy = getattr(FillStrategy, name)
        self.add_col = add_col
        self.fill_val = float(next(iter(values), 0.0))

    def _spec(self) -> dict[str, Any]:
        name = self.fill_strategy.__name__
        strategy = {"constant": self.fill_val} if name == "constant" else name
        return {"proc": "fill_missing", "strategy": strategy, "add_col": bool(self.add_col)}

    def _found(self, info: Info) -> FillMissing:
        self.na_dict = info.fill
        return self


class Categorify(TabularProc):
    """Replaces the values of categorical columns by codes; 0 is a missing or unseen one. What they stand for is in
    ``classes``."""

    order = 1
    classes: dict[str, Vocab]

    def __getitem__(self, name: str) -> Vocab:
        return self.classes[name]

    def _spec(self) -> dict[str, Any]:
        return {"proc": "categorify"}

    def _found(self, info: Info) -> Categorify:
        self.classes = info.classes
        return self


class Categorize(TabularProc):
    """Replaces the classes of a target by codes, which is always done; ``vocab`` has them."""

    order = 1
    vocab: Vocab

    def _spec(self) -> None:
        return None

    def _found(self, info: Info) -> Categorize:
        self.vocab = info.vocab
        return self


class Normalize(TabularProc):
    """Gives continuous columns mean 0 and standard deviation 1 over the training rows: ``means`` and ``stds`` are what they
    had."""

    order = 99
    means: dict[str, float]
    stds: dict[str, float]

    def _spec(self) -> dict[str, Any]:
        return {"proc": "normalize"}

    def _found(self, info: Info) -> Normalize:
        self.means, self.stds = info.means, info.stds
        return self


def made_procs(procs: Any) -> list[TabularProc]:
    """Procs, given as classes, instances or names, in the order in which they run."""
    if procs is None:
        return []
    if isinstance(procs, (str, TabularProc, type)) or not isinstance(procs, Iterable):
        procs = [procs]
    made = []
    for proc in procs:
        one = _by_name(proc) if isinstance(proc, str) else proc
        one = one() if isinstance(one, type) else one
        if one is noop:
            continue
        if not isinstance(one, TabularProc):
            raise TypeError(f"procs: {proc!r} is not FillMissing, Categorify or Normalize")
        made.append(one)
    return sorted(made, key=lambda proc: proc.order)


def procs_spec(procs: list[TabularProc]) -> list[dict[str, Any]]:
    """What the library needs to know of procs."""
    return [spec for spec in (proc._spec() for proc in procs) if spec is not None]


def _by_name(name: str) -> type[TabularProc]:
    known: dict[str, type[TabularProc]] = {"fillmissing": FillMissing, "categorify": Categorify, "normalize": Normalize}
    found = known.get(name.lower().replace("_", "").replace("-", ""))
    if found is None:
        raise ValueError(f"there is no proc `{name}`. There are: fill_missing, categorify, normalize")
    return found


class Block:
    """What the targets are."""

    task = ""
    # The classes in their order, or what labels are called, if the user says.
    vocab: list[Any] | None = None

    def __repr__(self) -> str:
        return type(self).__name__


class CategoryBlock(Block):
    """One class a row. The classes are those of the training rows, in the order of a categorical column or sorted; or ``vocab``,
    sorted unless ``sort`` is false. A column of classes has no class for missing values, so ``add_na`` adds none."""

    task = "classification"

    def __init__(self, vocab: Any = None, sort: bool = True, add_na: bool = False) -> None:
        if vocab is None:
            return
        if add_na:
            raise ValueError("CategoryBlock: add_na would add a class for rows without a class; leave those rows out")
        # A column of categories, or what pandas keeps in one.
        categories = getattr(getattr(vocab, "cat", vocab), "categories", None)
        values = dict.fromkeys(_plain(value) for value in (vocab if categories is None else categories))
        try:
            self.vocab = sorted(values) if sort and categories is None else list(values)
        except TypeError:
            raise TypeError("vocab: its classes are of several types, which have no order; give sort=False") from None


class RegressionBlock(Block):
    """One number a row for each target column; ``n_out``, if given, says how many these are."""

    task = "regression"

    def __init__(self, n_out: int | None = None) -> None:
        self.n_out = n_out


class MultiCategoryBlock(Block):
    """Yes or no a row for each target column, which holds 0 and 1 or truth values. ``vocab`` says what the labels are called, in
    the order of the columns."""

    task = "multi-label"

    def __init__(self, encoded: bool = True, vocab: Any = None, add_na: bool = False) -> None:
        if not encoded:
            raise ValueError("MultiCategoryBlock: give a column of 0 and 1 for each label, and encoded=True")
        self.vocab = None if vocab is None else [str(_plain(value)) for value in vocab]


def _plain(value: Any) -> Any:
    """A class as Python has it."""
    plain = value.item() if hasattr(value, "item") else value
    if not isinstance(plain, (str, bool, int, float)) or plain != plain:
        raise TypeError(f"vocab: classes are text, numbers or truth values, not {value!r}")
    return plain
