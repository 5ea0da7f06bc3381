"""polars_csv.py FILE: reads a CSV file into a DataFrame, with all the threads it likes."""

import sys
import time

import polars

from encoded import serve


def turn():
    begin = time.perf_counter()
    frame = polars.read_csv(sys.argv[1])
    seconds = time.perf_counter() - begin
    if frame.height == 0:
        sys.exit("the file has no rows")
    return seconds


serve(polars.__version__, turn, detail=f"{polars.thread_pool_size()} threads")
