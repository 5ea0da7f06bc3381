"""Runs ``cells.py``, or other cells, under a package and keeps what they note.

``python runner.py fastai FOLDER > fastai.json`` made the file beside it, and ``python runner.py fastai FOLDER frame_cells.py >
frame_cells.json`` the other, with fastai 2.8.12; ``FOLDER`` holds ``adult.csv`` as ``highmark.tabular.all.untar_data`` writes
it, which stands in for the download.
"""

import contextlib
import io
import json
import re
import sys
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).parent


def run(package, sample=None, cells="cells.py"):
    """What the cells note, and the lines that they print about decisions."""
    text = (HERE / cells).read_text().replace("from fastai.tabular.all", f"from {package}.tabular.all")
    noted = {}
    out = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
        names = {"note": lambda name, value: noted.__setitem__(name, value), "folder": Path(folder), "__name__": "cells"}
        if sample is not None:
            import fastai.tabular.all

            fastai.tabular.all.untar_data = lambda url: type(Path(folder))(sample)
        exec(compile(text, cells, "exec"), names)
    # Not the bars, which begin alike.
    words = re.compile(r"Better model|No improvement|Epoch \d+: ")
    lines = [line for line in out.getvalue().splitlines() if words.match(line)]
    # Values of a metric depend on random numbers, which are each package's own.
    noted["lines"] = [line.split(" value: ")[0] for line in lines]
    return json.loads(json.dumps(noted))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump(run(sys.argv[1], *sys.argv[2:]), sys.stdout, indent=1)
