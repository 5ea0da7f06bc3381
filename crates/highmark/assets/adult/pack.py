"""Pack the Adult data into the files that are built into the library.

Usage: python pack.py FOLDER
FOLDER holds adult.data and adult.test of the UCI repository, and adult_sample.csv as made by
make_adult_sample.py. Writes *.csv.deflate (raw deflate) beside this script.
"""
import sys
import zlib
from pathlib import Path

folder, here = Path(sys.argv[1]), Path(__file__).parent
NUMBERS = {0, 2, 4, 10, 11, 12}
LABELS = {" <=50K": "<50k", " >50K": ">=50k"}


def published(name, header):
    """The published rows in the form of adult_sample.csv: text keeps its blank, numbers lose it."""
    rows = [header]
    for line in (folder / name).read_text().splitlines():
        values = line.split(",")
        if len(values) != 15:  # the note on the first line of adult.test, and empty lines
            continue
        values = [v.strip() if i in NUMBERS else v for i, v in enumerate(values)]
        values[14] = LABELS[values[14].rstrip(".")]
        rows.append(",".join(values))
    return ("\n".join(rows) + "\n").encode()


def pack(name, data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    packed = deflate.compress(data) + deflate.flush()
    (here / f"{name}.csv.deflate").write_bytes(packed)
    print(name, data.count(b"\n") - 1, "rows", len(data), "->", len(packed), "bytes")


sample = (folder / "adult_sample.csv").read_bytes()
header = sample.split(b"\n", 1)[0].decode()
pack("adult", sample)
pack("adult-train", published("adult.data", header))
pack("adult-test", published("adult.test", header))
