"""What a fit amounted to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..screen import html_table, number

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """What ``fit`` returns: how it went and why it ended."""

    stop_reason: str
    epochs_run: int
    epochs_planned: int
    completed: bool
    monitor: str
    best_epoch: int | None
    best: float | None
    last: float | None
    train_seconds: float
    validate_seconds: float
    save_seconds: float
    skipped_steps: int
    rollbacks: int
    skipped_validations: int
    budget_seconds: float | None
    budget_used: float | None
    checkpoint: Path | None

    @property
    def saved_seconds(self) -> float:
        """About how long the epochs that did not run would have taken."""
        left = self.epochs_planned - self.epochs_run
        return left * (self.train_seconds + self.validate_seconds) / max(self.epochs_run, 1)

    def lines(self) -> dict[str, str]:
        """The report, part by part."""
        who, colon, why = self.stop_reason.partition(": ")
        said = {"stopped": who.replace("_", " ") + colon + why}
        if self.best is not None:
            said["best"] = f"{self.monitor} {number(self.best)} at epoch {self.best_epoch}"
        if self.last is not None:
            said["last"] = f"{self.monitor} {number(self.last)}"
        if self.epochs_run < self.epochs_planned:
            left = self.epochs_planned - self.epochs_run
            said["saved"] = f"{left} of {self.epochs_planned} epochs: {self.saved_seconds:.2f} s"
        if self.skipped_steps or self.skipped_validations:
            counts = [
                (self.skipped_steps, "step", " left out"),
                (self.rollbacks, "rollback", ""),
                (self.skipped_validations, "validation", ""),
            ]
            said["not finite"] = ", ".join(f"{n} {what}{'s' * (n != 1)}{more}" for n, what, more in counts if n)
        if self.budget_seconds is not None and self.budget_used is not None:
            said["budget"] = f"{self.budget_seconds:.2f} s, of which {self.budget_used / self.budget_seconds:.1%} are used"
        said["time"] = f"train {self.train_seconds:.2f} s, validate {self.validate_seconds:.2f} s"
        return said

    def __repr__(self) -> str:
        return "\n".join(f"{name:<10} {text}" for name, text in self.lines().items())

    def _repr_html_(self) -> str:
        said = self.lines()
        return html_table({"fit": list(said), "": list(said.values())})
