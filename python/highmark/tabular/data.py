"""Tables made ready for training, under fastai's names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import _highmark
from ..fastai_modules import of_fastai
from ..notices import notice
from ..tables import check_columns, column_name, is_pandas, rereadable, table_of_kinds, to_table
from .checks import count
from .described import Described
from .encoded import Encoded
from .info import Info
from .loader import DataLoader, TabDataLoader, delegated, test_loader
from .procs import Block, RegressionBlock, made_procs, procs_spec
from .splitters import IndexSplitter, drawn

__all__ = [
    "DataLoader",
    "DataLoaders",
    "TabDataLoader",
    "TabularDataLoaders",
    "TabularPandas",
    "URLs",
    "cont_cat_split",
    "untar_data",
]


class URLs:
    """The data that comes with highmark."""

    ADULT_SAMPLE = "adult"


def untar_data(url: str, base: str | os.PathLike[str] | None = None) -> Path:
    """The folder of ``URLs.ADULT_SAMPLE``, with ``adult.csv``: written from what is built in, nothing is downloaded.

    It is ``adult_sample`` in ``base``, by default in ``~/.cache/highmark`` (or ``$XDG_CACHE_HOME/highmark``).
    """
    if url != URLs.ADULT_SAMPLE:
        raise ValueError(f"there is no data `{url}` in highmark, and it downloads nothing. There are: URLs.ADULT_SAMPLE")
    if base is None:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "highmark"
    folder = Path(base) / "adult_sample"
    file = folder / "adult.csv"
    text = _highmark.named_csv(url)
    if not file.exists() or file.stat().st_size != len(text):
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"adult.csv.{os.getpid()}.part"
        part.write_bytes(text)
        part.replace(file)
    return folder


def cont_cat_split(df: Any, max_card: int = 20, dep_var: str | Sequence[str] | None = None) -> tuple[list[str], list[str]]:
    """The continuous and the categorical columns, in this order: floats, and integers of more than ``max_card`` values,
    are continuous. ``dep_var`` is in neither. A column of dates is categorical, and refused when it is used."""
    return table_of_kinds(df).cont_cat_split(max_card, _names("dep_var", dep_var) or [])


def _names(what: str, names: Any) -> list[str] | None:
    if names is None:
        return None
    listed = [names] if isinstance(names, (str, int, np.integer)) else list(names)
    try:
        return [column_name(name) for name in listed]
    except TypeError as error:
        raise TypeError(f"{what}: {error}") from None


class TabularPandas(Encoded):
    """A table with its preparation fitted on the rows to train on. ``xs``, ``ys`` and the others are of all rows, those to
    train on first.

    ``df`` may be a DataFrame of pandas or polars, a table of pyarrow, a mapping of names to arrays, or a path. Without
    ``cat_names`` and ``cont_names`` both are found by :func:`cont_cat_split`. ``splits`` says which rows train and which
    validate; with ``valid_df`` in its place all rows train, and those of that table validate. ``reduce_memory`` and ``inplace`` are accepted
    and change nothing: the table is never changed and always small.
    """

    def __init__(
        self,
        df: Any,
        procs: Any = None,
        cat_names: Sequence[str] | None = None,
        cont_names: Sequence[str] | None = None,
        y_names: str | Sequence[str] | None = None,
        y_block: Block | type[Block] | None = None,
        splits: Any = None,
        do_setup: bool = True,
        device: Any = None,
        inplace: bool = False,
        reduce_memory: bool = True,
        *,
        max_card: int = 20,
        trim: bool = False,
        valid_df: Any = None,
    ) -> None:
        targets = _names("y_names", y_names) or []
        cat, cont = _names("cat_names", cat_names), _names("cont_names", cont_names)
        if cat is None and cont is not None:
            cat = []
        df = to_table(df, trim=trim) if isinstance(df, (str, os.PathLike)) else rereadable(df)
        features = [*(cat or []), *(cont or [])]
        check_columns(df, [*targets, *features])
        for name in targets:
            if name in features:
                notice(f"column `{name}`: is a target, so the model is not given it; take it out of cat_names and cont_names")
        used = None if cat is None or cont is None else {*features, *targets}
        table = to_table(df, used)
        self._row_labels = {"train": _labels(df), "valid": _labels(df if valid_df is None else valid_df)}
        if cat is not None and cont is None:
            cont = [name for name in table.names if name not in {*cat, *targets}]
        block = y_block() if isinstance(y_block, type) else y_block
        if block is not None and not isinstance(block, Block):
            raise TypeError(f"y_block: {y_block!r} is not CategoryBlock, RegressionBlock or MultiCategoryBlock")
        if isinstance(block, RegressionBlock) and block.n_out not in (None, len(targets)):
            there = "is 1 target column" if len(targets) == 1 else f"are {len(targets)} target columns"
            raise ValueError(f"RegressionBlock: n_out is {block.n_out}, but there {there}")
        if splits is None and valid_df is None:
            raise ValueError("splits: rows to validate on are needed, RandomSplitter()(range_of(df)) for one")
        if splits is not None and valid_df is not None:
            raise ValueError("splits, valid_df: rows to validate on come from the one or from the other; leave one out")
        train, valid = (_rows(part, table.rows) for part in (([], []) if splits is None else _two(splits)))
        valid_table = None if valid_df is None else to_table(valid_df, used)
        steps = made_procs(procs)
        config = {
            "targets": targets,
            "task": block.task if block else None,
            "classes": block.vocab if block else None,
            "cat": cat,
            "cont": cont,
            "procs": procs_spec(steps),
            "max_card": max_card,
        }
        self._data: _highmark.TabularData = _highmark.TabularData(table, json.dumps(config), train, valid, valid_table)
        for line in self._data.warnings:
            notice(line)
        super().__init__(Info(self._data.pipeline), [self._data.train, self._data.valid], self._of("train", "valid"))
        # Made once, or what is written into their items would be lost.
        self._train = Encoded(self._info, [self._data.train], self._of("train"))
        self._valid = Encoded(self._info, [self._data.valid], self._of("valid"))
        for step in steps:
            step._found(self._info)
        self.split = len(self._data.train)
        self.device = "cpu"

    @property
    def train(self) -> Encoded:
        """The rows to train on, encoded."""
        self._refuse_written()
        return self._train

    @property
    def valid(self) -> Encoded:
        """The rows to validate on, encoded."""
        self._refuse_written()
        return self._valid

    def _refuse_written(self) -> None:
        """Refuses to go on when something was written into ``items``."""
        _ = self._parts

    def _read_again(self, items: Any) -> list[_highmark.Dataset]:
        try:
            now = super()._read_again(items)
        except (KeyError, TypeError, ValueError):
            now = []
        if now is not self._first:
            self._items = None
            raise TypeError(
                "items: what was written into it is lost, as the rows of a table to train on do not change. Change the "
                "table before it becomes TabularPandas; the items of to.new(df), dls.test_dl(df) and dls.valid can be changed"
            )
        return now

    def _of(self, *sides: str) -> Callable[[], Any]:
        """The labels of the rows of these sides: those of a DataFrame, or the numbers of the rows."""
        data, labels = self._data, self._row_labels

        def of(side: str) -> Any:
            import pandas as pd

            rows = getattr(data, f"{side}_rows")
            return pd.Index(rows) if labels[side] is None else labels[side].take(rows)

        def index() -> Any:
            first, *others = map(of, sides)
            return first.append(others)

        return index

    @property
    def drift(self) -> list[str]:
        """In what the validation rows differ from the training rows, line by line."""
        return self._data.drift

    def _repr_html_(self) -> str:
        from ..screen import html_table

        rows = list(range(min(5, len(self._data.train))))
        return html_table(self._info.decode(*self.arrays(rows)))


def _labels(df: Any) -> Any:
    return df.index if is_pandas(df) else None


def _two(splits: Any) -> tuple[Any, Any]:
    parts = tuple(splits)
    if len(parts) != 2:
        raise ValueError(f"splits: rows to train on and rows to validate on are needed, not {len(parts)} lists")
    return parts[0], parts[1]


def _rows(rows: Any, n: int) -> np.ndarray:
    array = np.arange(n)[rows] if isinstance(rows, slice) else np.asarray(rows)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise TypeError("splits: lists of row numbers are needed")
    return array


class DataLoaders(Described):
    """Training and validation rows: ``train`` and ``valid``, or ``dls[0]`` and ``dls[1]``."""

    device = "cpu"

    def __init__(
        self,
        to: Encoded,
        bs: int = 64,
        path: str | os.PathLike[str] = ".",
        shuffle: bool = True,
        drop_last: bool | None = None,
        val_bs: int | None = None,
        val_shuffle: bool = False,
        n: int | None = None,
        device: Any = None,
        num_workers: int = 0,
        **kwargs: Any,
    ) -> None:
        if not isinstance(to, Encoded):
            raise TypeError(f"DataLoaders: loaders are made of a table, by to.dataloaders(bs=64), not of {to!r}")
        if "wgts" in kwargs:
            raise TypeError(
                "dataloaders: there is no option `wgts`, as rows are not drawn by weights; classes have weights in the loss, "
                "loss_func=CrossEntropyLossFlat(weight=[...])"
            )
        for name in ("shuffle_train", "pin_memory", "timeout", "batch_size", "verbose", "do_setup"):
            kwargs.pop(name, None)
        if kwargs:
            raise TypeError(f"dataloaders: there is no option `{next(iter(kwargs))}`")
        self._to = to
        self._info = to._info
        self.path = Path(path)
        self.bs = count("bs", bs, 1)
        self.shuffle = bool(shuffle)
        self.drop_last = self.shuffle if drop_last is None else bool(drop_last)
        self.train = DataLoader(to.train, self.bs, self.shuffle, self.drop_last)
        self.valid = DataLoader(to.valid, self.bs if val_bs is None else count("val_bs", val_bs, 1), val_shuffle)
        self.valid.drift = to.drift if isinstance(to, TabularPandas) else []
        self.n_inp = 2

    @property
    def _data(self) -> _highmark.TabularData:
        if self._to._data is None:
            raise ValueError("these loaders are of rows to predict; a learner is made with those of the table to train on")
        return self._to._data

    def _refuse_written(self) -> None:
        """Refuses to train on rows that are not any more those that the preparation made."""
        for side in ("train", "valid"):
            if getattr(self, side).dataset._written:
                raise ValueError(
                    f"dls.{side}: its items were changed, which counts for validate, get_preds and batches, and a fit "
                    "takes the table's own rows; change them back, or the table"
                )

    @property
    def loaders(self) -> list[DataLoader]:
        return [self.train, self.valid]

    @property
    def train_ds(self) -> Encoded:
        """The rows to train on, encoded."""
        return self.train.dataset

    @property
    def valid_ds(self) -> Encoded:
        """The rows to validate on, encoded."""
        return self.valid.dataset

    def __getitem__(self, i: int) -> DataLoader:
        return self.loaders[i]

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[DataLoader]:
        return iter(self.loaders)

    def one_batch(self) -> tuple[np.ndarray, ...]:
        """The first training batch of another iteration."""
        return self.train.one_batch()

    def show_batch(self, b: Any = None, max_n: int = 10, **kwargs: Any) -> None:
        """Shows training rows of another iteration, or rows of the batch ``b``. A number alone is ``max_n``."""
        self.train.show_batch(b, max_n)

    def test_dl(self, test_items: Any, bs: int | None = None, **kwargs: Any) -> DataLoader:
        """Loaders of other rows, encoded as the training rows are. Unseen categories, missing values where training had none,
        and columns in another order are fine; ``drift`` of what is returned tells of them."""
        return test_loader(self._info, test_items, bs or self.bs)

    def to(self, *args: Any, **kwargs: Any) -> DataLoaders:
        """The same: there is one device."""
        return self

    cpu = to

    def __getattr__(self, name: str) -> Any:
        return delegated(self, "train", name)

    def _repr_html_(self) -> str:
        from ..screen import html_table

        return f"<p>{self!r}</p>" + html_table(self.train.decoded(range(min(5, self.train.n))))

    def __repr__(self) -> str:
        return (
            f"DataLoaders: {self.train.n:,} rows to train on, {self.valid.n:,} to validate on; "
            f"{len(self.cat_names)} categorical and {len(self.cont_names)} continuous columns; "
            f"{self._info.task} of {', '.join(self.y_names)}"
        )


class TabularDataLoaders(DataLoaders):
    """Loaders straight from a table or a file."""

    @classmethod
    def from_df(
        cls,
        df: Any,
        path: str | os.PathLike[str] = ".",
        procs: Any = None,
        cat_names: Sequence[str] | None = None,
        cont_names: Sequence[str] | None = None,
        y_names: str | Sequence[str] | None = None,
        y_block: Block | type[Block] | None = None,
        valid_idx: Iterable[int] | None = None,
        **kwargs: Any,
    ) -> TabularDataLoaders:
        """Loaders of a table of any kind. Without ``valid_idx`` a fifth of the rows validates, drawn at random."""
        df = rereadable(df)
        rows = df.rows if isinstance(df, _highmark.Table) else _length(df)
        splits = drawn(rows) if valid_idx is None else IndexSplitter(valid_idx)(range(rows))
        options = {name: kwargs.pop(name) for name in ("max_card",) if name in kwargs}
        to = TabularPandas(df, procs, cat_names, cont_names, y_names, y_block, splits, **options)
        return cls(to, path=path, **kwargs)

    @classmethod
    def from_csv(
        cls,
        csv: str | os.PathLike[str],
        skipinitialspace: bool = True,
        *,
        delimiter: str | None = None,
        **kwargs: Any,
    ) -> TabularDataLoaders:
        """Loaders of a CSV file, which may be compressed (``.csv.gz``), or of a Parquet file; for the other arguments see
        :meth:`from_df`. Without ``delimiter`` a comma separates the columns (in files that end in ``.tsv`` a tab)."""
        if "sep" in kwargs:
            raise TypeError(f"from_csv: there is no option `sep`; what separates the columns is delimiter={kwargs['sep']!r} here")
        if not isinstance(csv, (str, os.PathLike)):
            raise TypeError(f"csv: the path of a file is needed, not {csv!r}")
        return cls.from_df(to_table(csv, trim=skipinitialspace, delimiter=delimiter), **kwargs)


def _length(df: Any) -> int:
    if isinstance(df, dict):
        return len(next(iter(df.values()), ()))
    if hasattr(df, "num_rows"):
        return int(df.num_rows)
    if is_pandas(df) or hasattr(df, "__len__"):
        return len(df)
    return to_table(df).rows


def __getattr__(name: str) -> Any:
    return of_fastai(__name__, name)
