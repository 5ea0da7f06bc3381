"""What tables and loaders tell of their columns."""

from __future__ import annotations

from typing import Any

from ..tables import is_pandas
from .info import Info
from .names import Names
from .procs import Categorify, FillMissing, Normalize
from .steps import Procs
from .vocab import Vocab

__all__ = ["Described"]


class Described:
    """What tables and loaders tell of their columns. A part of all of them."""

    _info: Info

    @property
    def cat_names(self) -> Names:
        """The categorical columns, with ``<name>_na`` for columns with missing numbers."""
        return self._info.cat_names

    @property
    def cont_names(self) -> Names:
        """The continuous columns."""
        return self._info.cont_names

    @property
    def y_names(self) -> Names:
        """The target columns."""
        return self._info.y_names

    @property
    def classes(self) -> dict[str, Vocab]:
        """What the codes of each categorical column stand for."""
        return self._info.classes

    @property
    def vocab(self) -> Vocab:
        """The classes of the target; what the labels are called."""
        return self._info.vocab

    @property
    def c(self) -> int:
        """Outputs that a model for it has."""
        return self._info.outputs

    @property
    def procs(self) -> Procs:
        """The steps of the preparation, in their order, and what they have found."""
        return Procs(self._info)

    @property
    def categorify(self) -> Categorify:
        """The step that made codes of categories."""
        return self.procs.categorify

    @property
    def fill_missing(self) -> FillMissing:
        """The step that replaced missing numbers."""
        return self.procs.fill_missing

    @property
    def normalize(self) -> Normalize:
        """The step that normalized the continuous columns."""
        return self.procs.normalize

    @property
    def x_names(self) -> Names:
        """The columns that a model sees."""
        return Names([*self.cat_names, *self.cont_names])

    @property
    def all_col_names(self) -> Names:
        """These and the targets."""
        return Names([*self.x_names, *self.y_names])

    @property
    def means(self) -> dict[str, float]:
        """The means of the continuous columns, if they are normalized."""
        return self._info.means

    @property
    def stds(self) -> dict[str, float]:
        """The standard deviations of the continuous columns, if they are normalized."""
        return self._info.stds

    @property
    def na_dict(self) -> dict[str, float]:
        """What missing numbers are replaced by."""
        return self._info.fill

    def copy(self) -> Any:
        """Another one of the same rows."""
        copied = object.__new__(type(self))
        for name, value in self.__dict__.items():
            copied.__dict__[name] = value.copy() if isinstance(value, Described) or is_pandas(value) else value
        return copied

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            f"{type(self).__name__}: encoded rows are not pickled. Keep the table itself and make them anew, or write them with "
            "to.items.to_parquet; learn.export keeps the preparation with the model, for rows to predict"
        )
