"""The files of a learner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

from .. import _highmark

__all__ = ["Files"]

Self = TypeVar("Self", bound="Files")


class Files:
    """Saving, loading and exporting. A part of every learner."""

    _core: Any
    _trainer: _highmark.Trainer
    path: Path
    model_dir: Path

    def _in_model_dir(self, file: str | os.PathLike[str]) -> Path:
        if not isinstance(file, (str, os.PathLike)):
            raise TypeError(f"file: a name is needed, not {file!r}")
        return self.path / self.model_dir / file

    def _model_path(self, file: str | os.PathLike[str]) -> Path:
        path = self._in_model_dir(file)
        return path if path.suffix == ".safetensors" else path.with_name(path.name + ".safetensors")

    def save(self, file: str | os.PathLike[str], with_opt: bool = True, **kwargs: Any) -> Path:
        """Saves the model, with the optimizer's state if asked, as ``<file>.safetensors`` in the model folder."""
        path = self._model_path(file)
        self._trainer.save(path, bool(with_opt))
        return path

    def load(
        self: Self, file: str | os.PathLike[str], device: Any = None, with_opt: bool = True, strict: bool = True
    ) -> Self:
        """Takes up what :meth:`save` left under this name, or what fastai saved as safetensors; if there is nothing, a file of
        this very name, in the model folder or the current one, as Keras's ``ModelCheckpoint`` leaves it."""
        saved = self._model_path(file)
        known = (path for path in (saved, self._in_model_dir(file), Path(file)) if path.is_file())
        self._trainer.load(next(known, saved), bool(with_opt))
        return self

    def export(self, fname: str | os.PathLike[str] = "export.pkl") -> Path:
        """Writes what it takes to predict to ``fname`` in the learner's folder: data and no code, whatever the name."""
        path = self.path / fname
        self._core.trainer.save(path, False)
        return path
