"""What codes stand for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["Vocab"]


class Vocab(list[Any]):
    """The classes of a column in the order of their codes. With several codes at once, in a list or an array, it gives the
    class of each; ``o2i`` has the code of each class."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, (list, tuple, np.ndarray)) and np.ndim(index):
            return np.array(self, dtype=object)[np.asarray(index)].tolist()
        return super().__getitem__(index)

    @property
    def o2i(self) -> dict[Any, int]:
        """The code of each class; with ``#na#`` before them, 0 for what is none."""
        codes = {value: code for code, value in enumerate(self)}
        return defaultdict(int, codes) if self[:1] == ["#na#"] else codes

    def map_objs(self, objs: Iterable[Any]) -> list[int]:
        """The codes of these classes."""
        codes = self.o2i
        return [codes[value] for value in objs]

    def map_ids(self, ids: Iterable[Any]) -> list[Any]:
        """The classes of these codes."""
        return [self[code] for code in ids]
