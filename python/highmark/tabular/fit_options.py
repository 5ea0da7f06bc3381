"""What a fit may be asked for beside epochs, rate and callbacks: checkpoints, a limit of time or money, and what to do about
values that are not finite."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from .checks import count, real, text

if TYPE_CHECKING:
    from .callback import Callback
    from .learner import Learner

__all__ = ["Checkpoint", "FitOptions", "fit_options", "seed_advised", "seed_taken_over", "words_of_seed"]


@dataclass(frozen=True)
class Checkpoint:
    """Where a fit saves itself, and when: after so many training batches (``steps``), ``seconds`` or ``epochs``; ``None`` is
    never. At its end and when it is interrupted it is saved in any case."""

    folder: str | os.PathLike[str]
    steps: int | None = None
    seconds: float | None = 60.0
    epochs: int | None = 1


class FitOptions(TypedDict, total=False):
    """The options of every ``fit``, by name alone."""

    checkpoint: str | os.PathLike[str] | Checkpoint | None
    """The folder in which this fit, and no other, saves itself after every epoch and every 60 seconds."""
    resume: str
    """``"auto"`` goes on with what is in that folder, if there is anything, to the same bits as if the fit had never been cut
    short; without ``checkpoint`` the folder is ``checkpoint`` in the learner's. ``"never"``, the default, begins anew."""
    max_time: float | str | timedelta | None
    """The time that the fit takes, validation and saving included, across resumes: ``"90s"``, ``"1h 30m"``, or seconds. The
    epochs follow from it, with ``n_epoch`` as a limit if it is given, and the schedule is stretched to end with them."""
    max_usd: float | None
    """The same as money, with ``usd_per_hour``."""
    usd_per_hour: float | None
    """What an hour of this machine costs."""
    non_finite: str
    """What to do about a loss or gradient that is NaN or infinite: ``"stop"`` the fit (the default), ``"skip"`` the step, or
    ``"rollback"`` to the last sound state at half the rate. No such step is ever taken."""


def fit_options(given: dict[str, Any], folder: Path, cbs: Sequence[Callback], any_seed: bool) -> dict[str, Any]:
    """As the library reads them. ``folder`` is the learner's; ``any_seed`` lets it answer with the seed of a checkpoint, where
    that is another, instead of fitting."""
    for name in given:
        if name not in FitOptions.__annotations__:
            raise TypeError(f"fit: there is no option `{name}`. There are: {', '.join(FitOptions.__annotations__)}")
    resume = given.get("resume", "never")
    if resume not in ("auto", "never"):
        raise ValueError(f"resume: {resume!r} is not auto or never")
    checkpoint, resume = given.get("checkpoint"), resume == "auto"
    for cb in cbs:
        own = cb._checkpoint()
        if own is not None and checkpoint is not None:
            raise ValueError(f"checkpoint: `{cb.name}` says where to keep one, and another is named; one is enough")
        if own is not None:
            checkpoint, resume = own, True
    if checkpoint is None and resume:
        checkpoint = folder / "checkpoint"
    if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
        if not isinstance(checkpoint, (str, os.PathLike)) or not os.fspath(checkpoint):
            raise TypeError(f"checkpoint: a folder is needed, or Checkpoint(...), not {checkpoint!r}")
        checkpoint = Checkpoint(checkpoint)
    return {
        "checkpoint": None if checkpoint is None else _checkpoint(checkpoint),
        "resume": resume,
        "any_seed": any_seed,
        # In Keras nobody ends a fit before all have seen the end of the epoch.
        "all_see_epochs_end": any(getattr(cb, "_of_keras", False) for cb in cbs),
        "limit": {
            "max_time": _time(given.get("max_time")),
            "max_usd": _number("max_usd", given.get("max_usd")),
            "usd_per_hour": _number("usd_per_hour", given.get("usd_per_hour")),
        },
        "non_finite": text("non_finite", given.get("non_finite", "stop")),
    }


def _checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    spec = asdict(checkpoint)
    for name in ("steps", "epochs"):
        spec[name] = None if spec[name] is None else count(name, spec[name])
    return {**spec, "folder": os.fspath(checkpoint.folder), "seconds": _number("seconds", checkpoint.seconds)}


def _time(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return repr(value.total_seconds() if isinstance(value, timedelta) else real("max_time", value))


def _number(name: str, value: Any) -> float | None:
    return None if value is None else real(name, value)


@contextmanager
def seed_taken_over(learn: Learner, seed: int) -> Iterator[None]:
    """Gives a learner the seed of a checkpoint if it had none given: learners made on the same loaders draw seeds of their own,
    so that a notebook's cell which is run again has another than the checkpoint that it left. If the fit does not come about,
    the learner is who it was."""
    own, before = learn._config["seed"], learn._trainer
    learn._config["seed"] = seed
    try:
        yield
    except BaseException:
        # A trainer that was not made anew may have resumed an earlier fit.
        if learn._trainer is before or not learn._trainer.resumed:
            learn._config["seed"] = own
        raise


def words_of_seed(seed: int) -> str:
    """What a warning says after a fit with the seed of a checkpoint, since another member of an ensemble was not meant to be
    the first once more."""
    return (
        f"resume: the fit went on from a checkpoint with its seed, {seed}, which is not the one that this learner drew; the fit "
        "of another learner on the same dls needs a folder of its own, checkpoint=..."
    )


@contextmanager
def seed_advised() -> Iterator[None]:
    """Says of a checkpoint that was refused for the seed that was given how to have that again."""
    try:
        yield
    except ValueError as error:
        seed = re.search(r"; put that back.*", str(error)) and re.search(r"\bseed was (\d+) and is", str(error))
        if not seed:
            raise
        raise ValueError(f"{error}; tabular_learner(dls, seed={seed[1]}) has that seed") from None
