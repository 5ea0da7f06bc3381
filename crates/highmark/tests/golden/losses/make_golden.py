"""Writes losses.json next to this file: losses of random rows, and their gradients, as PyTorch computes them.

Needs torch (made with 2.15.0); with fastai (2.8.12) the focal loss is compared with its. Usage: python make_golden.py
"""
import json
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(5)
cases = []


def fastai_focal():
    """fastai's focal loss, if fastai is there."""
    try:
        from fastai.losses import FocalLossFlat
    except ImportError:
        return None
    return FocalLossFlat


def case(loss, make, outputs, classes=None, values=None, scale=2.0):
    """`loss` is the configuration as highmark reads it, `make` PyTorch's loss with a given reduction."""
    rows = len(classes) if classes is not None else len(values)
    raw = torch.randn(rows, outputs) * scale
    x = raw.clone().requires_grad_()
    if classes is not None and outputs > 1:
        y = torch.tensor(classes)
    else:
        y = torch.tensor(classes if values is None else values, dtype=torch.float32).reshape(rows, outputs)
    value = make("mean")(x, y)
    value.backward()
    per_row = make("none")(raw, y)
    if per_row.dim() == 2:
        per_row = per_row.mean(1)
    cases.append({
        "loss": loss, "outputs": outputs, "raw": raw.flatten().tolist(), "classes": classes,
        "values": None if values is None else y.flatten().tolist(), "value": value.item(),
        "grad": x.grad.flatten().tolist(), "per_row": per_row.tolist(),
    })


classes = [0, 2, 1, 1, 0, 2, 2]
for weight in [None, [0.5, 1.0, 3.0]]:
    for smoothing in [0.0, 0.1]:
        w = None if weight is None else torch.tensor(weight)
        config = {"name": "cross-entropy", "weight": weight, "label_smoothing": smoothing}
        case(config, lambda r: nn.CrossEntropyLoss(weight=w, label_smoothing=smoothing, reduction=r), 3, classes)
case({"name": "cross-entropy"}, lambda r: nn.CrossEntropyLoss(reduction=r), 2, [0, 1, 1, 0], scale=30.0)


class Focal(nn.Module):
    """Lin et al. (2017), with the mean over rows: what fastai 2.8 has, but for `p` where classes have weights."""

    def __init__(self, gamma, weight, reduction):
        super().__init__()
        self.gamma, self.weight, self.reduction = gamma, weight, reduction

    def forward(self, x, y):
        log_p = torch.log_softmax(x, 1).gather(1, y[:, None])[:, 0]
        each = -((1 - log_p.exp()) ** self.gamma) * log_p
        each = each if self.weight is None else each * self.weight[y]
        return each.mean() if self.reduction == "mean" else each


state = torch.get_rng_state()
for gamma, weight in [(2.0, None), (0.5, None), (2.0, [0.5, 1.0, 3.0])]:
    w = None if weight is None else torch.tensor(weight)
    case({"name": "focal", "gamma": gamma, "weight": weight}, lambda r: Focal(gamma, w, r), 3, classes)
    if weight is None and (module := fastai_focal()) is not None:
        x, y = torch.tensor(cases[-1]["raw"]).reshape(-1, 3), torch.tensor(classes)
        assert torch.isclose(module(gamma=gamma)(x, y), torch.tensor(cases[-1]["value"]), rtol=1e-5)
# The cases below are as they were before there was a focal loss.
torch.set_rng_state(state)
labels = torch.randint(0, 2, (5, 3)).tolist()
for pos_weight in [None, [0.5, 2.0, 5.0]]:
    w = None if pos_weight is None else torch.tensor(pos_weight)
    case({"name": "bce", "pos_weight": pos_weight}, lambda r: nn.BCEWithLogitsLoss(pos_weight=w, reduction=r), 3, values=labels)
case({"name": "bce"}, lambda r: nn.BCEWithLogitsLoss(reduction=r), 1, [0, 1, 1, 0], scale=30.0)
case({"name": "bce"}, lambda r: nn.BCEWithLogitsLoss(reduction=r), 2, values=torch.rand(4, 2).tolist())
numbers = torch.randn(6, 2).tolist()
case({"name": "mse"}, lambda r: nn.MSELoss(reduction=r), 2, values=numbers)
case({"name": "l1"}, lambda r: nn.L1Loss(reduction=r), 2, values=numbers)
for delta in [1.0, 0.4]:
    case({"name": "huber", "delta": delta}, lambda r: nn.HuberLoss(delta=delta, reduction=r), 2, values=numbers)
path = Path(__file__).with_name("losses.json")
path.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
