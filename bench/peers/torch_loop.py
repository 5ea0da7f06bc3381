"""torch_loop.py DATA SHAPE THREADS: a loop by hand, with all rows in tensors and the fused AdamW."""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

from encoded import SHAPES, Encoded, serve

data = Encoded(sys.argv[1])
hidden, rows = SHAPES[sys.argv[2]]
torch.set_num_threads(int(sys.argv[3]))
torch.manual_seed(42)


class Tabular(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeds = nn.ModuleList(nn.Embedding(levels, size) for levels, size in zip(data.levels, data.sizes))
        for embed in self.embeds:
            nn.init.trunc_normal_(embed.weight, std=0.01)
        self.bn_cont = nn.BatchNorm1d(data.numbers)
        widths = [data.inputs, *hidden]
        blocks = []
        for inputs, outputs in zip(widths, widths[1:]):
            blocks += [nn.Linear(inputs, outputs, bias=False), nn.ReLU(inplace=True), nn.BatchNorm1d(outputs)]
        self.layers = nn.Sequential(*blocks, nn.Linear(widths[-1], 2))

    def forward(self, x_cat, x_cont):
        embedded = [embed(x_cat[:, i]) for i, embed in enumerate(self.embeds)]
        return self.layers(torch.cat([*embedded, self.bn_cont(x_cont)], 1))


model = Tabular()
optimizer = torch.optim.AdamW(
    model.parameters(), lr=1e-3, betas=(0.9, 0.99), eps=1e-5, weight_decay=0.01, fused=True
)
x_cat, x_cont, y = (torch.from_numpy(part) for part in data.train)
x_cat, y = x_cat.long(), y.long()


def turn():
    model.train()
    begin = time.perf_counter()
    order = torch.randperm(len(y))
    for start in range(0, len(y) - rows + 1, rows):
        index = order[start : start + rows]
        loss = F.cross_entropy(model(x_cat[index], x_cont[index]), y[index])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - begin


def right():
    x_cat, x_cont, y = (torch.from_numpy(part) for part in data.test)
    model.eval()
    with torch.no_grad():
        return (model(x_cat.long(), x_cont).argmax(1) == y).float().mean().item()


turn()
serve(torch.__version__, turn, right)
