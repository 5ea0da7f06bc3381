"""The exported data, and the talk with `xtask` (see bench/src/turns.rs)."""

import json
import sys
from pathlib import Path

import numpy as np


class Encoded:
    """Encoded rows as highmark trains on them: x_cat and x_cont [rows, columns], y [rows]."""

    def __init__(self, folder):
        folder = Path(folder)
        shapes = json.loads((folder / "shapes.json").read_text())
        self.levels, self.sizes, self.numbers = shapes["levels"], shapes["embedding_sizes"], shapes["numbers"]
        self.inputs = sum(self.sizes) + self.numbers
        self.train = self._rows(folder, "train")
        self.test = self._rows(folder, "test")

    def _rows(self, folder, name):
        x_cat = np.fromfile(folder / f"{name}-cat.i32", np.int32).reshape(-1, len(self.levels))
        x_cont = np.fromfile(folder / f"{name}-cont.f32", np.float32).reshape(-1, self.numbers)
        return x_cat, x_cont, np.fromfile(folder / f"{name}-y.i32", np.int32)


# Hidden layers and rows a batch.
SHAPES = {"article": ((200, 100), 64), "wide": ((1024, 512, 256), 1024)}


def serve(version, turn, accuracy=lambda: None, detail=""):
    """Answers `turn` with seconds and `accuracy` with a share, until the input ends."""

    def answer(value):
        print(json.dumps(value), flush=True)

    answer({"version": version, "detail": detail})
    for line in sys.stdin:
        match line.strip():
            case "turn":
                answer({"seconds": turn()})
            case "accuracy":
                answer({"accuracy": accuracy()})
            case other:
                sys.exit(f"`{other}` is neither `turn` nor `accuracy`")
