"""torch_matmul.py THREADS: the mean of ten linear layers of 1024 x 1024 on 1024 rows."""

import sys
import time

import torch

from encoded import serve

torch.set_num_threads(int(sys.argv[1]))
layer, x = torch.nn.Linear(1024, 1024), torch.rand(1024, 1024)


@torch.no_grad()
def turn():
    times = 10
    layer(x)
    begin = time.perf_counter()
    for _ in range(times):
        layer(x)
    return (time.perf_counter() - begin) / times


serve(torch.__version__, turn)
