"""Bars of loops of one's own, under fastprogress's names."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any

from ..screen import in_notebook

__all__ = ["master_bar", "progress_bar"]


class progress_bar:
    """Shows how far a loop over ``gen`` is, where a person looks on; ``comment`` stands behind it. With a ``parent``, a
    :class:`master_bar`, only that one is drawn, and has this one as its ``child``."""

    def __init__(
        self,
        gen: Iterable[Any],
        total: int | None = None,
        display: bool = True,
        leave: bool = True,
        parent: master_bar | None = None,
        master: master_bar | None = None,
        comment: str = "",
    ) -> None:
        self.gen, self.display, self.leave, self.comment = gen, display, leave, comment
        self.total = len(gen) if total is None and isinstance(gen, Sized) else total
        self.parent = parent if parent is not None else master
        if self.parent is not None:
            self.parent.child = self
        self._handle: Any = None
        self._width = 0
        self._last, self._drawn, self._due = 0, 0, 0.0

    def __len__(self) -> int:
        return self.total or 0

    def __iter__(self) -> Iterator[Any]:
        self.update(0)
        try:
            for done, item in enumerate(self.gen, 1):
                yield item
                self.update(done)
        finally:
            self._end()

    def update(self, val: int) -> None:
        """Draws it at ``val``, unless it was drawn less than a tenth of a second ago and the end is not reached."""
        if not self.display or self.parent is not None:
            return
        self._last = val
        # A loop may be faster than a screen.
        if val and val != self.total and time.monotonic() < self._due:
            return
        self._draw()

    def _draw(self) -> None:
        val = self._drawn = self._last
        self._due = time.monotonic() + 0.1
        share = val / self.total if self.total else 0.0
        tail = f"{val}/{self.total or '?'} {self.comment}".rstrip()
        if in_notebook():
            from html import escape

            from IPython.display import HTML, display

            page = HTML(f'<progress value="{share:.4f}" max="1" style="width:300px"></progress> {escape(tail)}')
            if self._handle is None:
                self._handle = display(page, display_id=True)
            else:
                self._handle.update(page)
        elif sys.stdout is not None and sys.stdout.isatty():
            full = int(30 * share)
            line = f"|{'█' * full}{'-' * (30 - full)}| {tail}"
            sys.stdout.write("\r" + line.ljust(self._width))
            sys.stdout.flush()
            self._width = len(line)

    def _end(self) -> None:
        if self._last != self._drawn:
            self._draw()
        if self._width:
            sys.stdout.write("\n" if self.leave else "\r" + " " * self._width + "\r")
            self._width = 0


class master_bar(progress_bar):
    """A bar of a loop that has loops within."""

    child: progress_bar | None = None

    @property
    def main_bar(self) -> master_bar:
        """Itself."""
        return self

    def write(self, line: Any, table: bool = False) -> None:
        """Prints a line, or the cells of one, above the bar."""
        if self._width:
            sys.stdout.write("\r" + " " * self._width + "\r")
        print("  ".join(map(str, line)) if table else line)
