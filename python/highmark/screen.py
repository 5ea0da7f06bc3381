"""What people see: lines, the table of epochs and the bar; as HTML in a notebook, as text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Screen", "html_table", "in_notebook", "show_table", "text_table"]


def in_notebook() -> bool:
    """Whether this runs in a notebook, without importing IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def clock(seconds: float) -> str:
    """00:04.21 or 1:02:03."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // 60:02}:{seconds - whole // 60 * 60:05.2f}"


def number(x: float | None) -> str:
    """Six decimals, where those tell something."""
    if x is None:
        return ""
    usual = x == 0 or 1e-4 <= abs(x) < 1e6 or x != x or abs(x) == float("inf")
    return f"{x:.6f}" if usual else f"{x:.6e}"


def text_table(columns: Mapping[str, Sequence[Any]]) -> str:
    """Columns as text, names first, aligned to the right."""
    cells = {name: [_cell(value) for value in values] for name, values in columns.items()}
    widths = [max(len(text) for text in [name, *values]) for name, values in cells.items()]
    lines = [list(cells), *zip(*cells.values(), strict=True)]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in lines)


def html_table(columns: Mapping[str, Sequence[Any]]) -> str:
    """Columns as an HTML table."""
    # Takes as long to import as a tenth of highmark, and most scripts show no table.
    from html import escape

    head = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
    rows = zip(*columns.values(), strict=True)
    body = "".join("<tr>" + "".join(f"<td>{escape(_cell(v))}</td>" for v in row) + "</tr>" for row in rows)
    return f'<table border="1" class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def show_table(columns: Mapping[str, Sequence[Any]]) -> None:
    """Shows columns where the user looks."""
    if in_notebook():
        from IPython.display import HTML, display

        display(HTML(html_table(columns)))
    else:
        print(text_table(columns))


class Screen:
    """Draws one fit. The library calls it."""

    def __init__(self, bar: bool = True) -> None:
        self.notebook = in_notebook()
        self.names: list[str] = []
        self.rows: list[list[str]] = []
        self._bar = bar
        self._bar_shown = 0
        self._handle: Any = None
        self._last_bar = ""

    @property
    def wants_bar(self) -> bool:
        # Programs without a console have no output at all.
        return self._bar and (self.notebook or (sys.stdout is not None and sys.stdout.isatty()))

    def line(self, text: str) -> None:
        self._clear_bar()
        print(text)

    def begin(self, metrics: Sequence[str]) -> None:
        self.names = ["epoch", "train_loss", "valid_loss", *metrics, "time"]
        if self.notebook:
            self._update()
        else:
            print(self._aligned(self.names))

    def bar(self, epoch: int, epochs: int, i: int, n: int, training: bool, loss: float | None) -> None:
        share = i / n if n else 1.0
        what = f"epoch {epoch + 1}/{epochs}" if training else "validation"
        tail = "" if loss is None else f" {loss:.4f}"
        if self.notebook:
            from html import escape

            done = (epoch + (share if training else 1.0)) / max(epochs, 1)
            self._last_bar = (
                f'<div><progress value="{done:.4f}" max="1" style="width:300px;height:16px;vertical-align:middle">'
                f"</progress> {escape(what)}: {share:.0%}{tail}</div>"
            )
            self._update()
            return
        full = int(30 * share)
        text = f"{what} |{'█' * full}{'-' * (30 - full)}| {share:4.0%}{tail}"
        sys.stdout.write("\r" + text.ljust(self._bar_shown))
        sys.stdout.flush()
        self._bar_shown = len(text)

    def row(self, epoch: int, values: Sequence[float | None], seconds: float) -> None:
        # An epoch that was skipped has no metrics at all.
        values = [*values, *[None] * (len(self.names) - 2 - len(values))]
        cells = [str(epoch), *(number(value) for value in values), clock(seconds)]
        self.rows.append(cells)
        if self.notebook:
            self._update()
        else:
            self._clear_bar()
            print(self._aligned(cells))

    def end(self) -> None:
        self._clear_bar()
        self._last_bar = ""
        if self.notebook and self._handle is not None:
            self._update()

    def _aligned(self, cells: Sequence[str]) -> str:
        widths = [max(8, len(name)) for name in self.names]
        return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))

    def _clear_bar(self) -> None:
        if self._bar_shown:
            sys.stdout.write("\r" + " " * self._bar_shown + "\r")
            sys.stdout.flush()
            self._bar_shown = 0

    def _update(self) -> None:
        from IPython.display import HTML, display

        columns = {name: [row[i] for row in self.rows] for i, name in enumerate(self.names)}
        page = HTML(self._last_bar + html_table(columns))
        if self._handle is None:
            self._handle = display(page, display_id=True)
        else:
            self._handle.update(page)
