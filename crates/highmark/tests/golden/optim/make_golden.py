"""Writes optim.json next to this file: the steps that fastai's optimizers take with given gradients.

A weight of 5 numbers and a bias of 2, which does not decay unless a case says so. Learning rate and momentum change at
every step, as under a schedule. Needs fastai (made with 2.8.12). Usage: python make_golden.py
"""
import json
from pathlib import Path

import torch
from fastai.optimizer import SGD, Adam, RAdam, RMSProp

torch.manual_seed(3)
STEPS = 9
start = torch.randn(7)
grads = torch.randn(STEPS, 7)
grads[4] = 0
lrs = [0.01 * (1 + k % 4) for k in range(STEPS)]
moms = [0.95 - 0.02 * (k % 5) for k in range(STEPS)]
kinds = {"adam": Adam, "sgd": SGD, "rmsprop": RMSProp, "radam": RAdam}


def run(config, move_mom=True):
    config = dict(config)
    decay_all = config.get("wd_bn_bias", False)
    make = kinds[config["kind"]]
    weight, bias = torch.nn.Parameter(start[:5].clone()), torch.nn.Parameter(start[5:].clone())
    options = {k: v for k, v in config.items() if k not in ("kind", "wd_bn_bias")}
    opt = make([weight, bias], lr=lrs[0], **options)
    opt.state[bias]["do_wd"] = decay_all
    values = []
    for k in range(STEPS):
        opt.set_hyper("lr", lrs[k])
        if move_mom:
            opt.set_hyper("mom", moms[k])
        weight.grad, bias.grad = grads[k, :5].clone(), grads[k, 5:].clone()
        opt.step()
        values.append(torch.cat([weight.detach(), bias.detach()]).tolist())
    state = {}
    for name in ["grad_avg", "sqr_avg"]:
        if name in opt.state[weight]:
            state[name] = torch.cat([opt.state[weight][name], opt.state[bias][name]]).tolist()
    return {"config": config, "move_mom": move_mom, "values": values, "state": state}


configs = [
    dict(kind="adam"),
    dict(kind="adam", wd=0.0),
    dict(kind="adam", wd=0.5, decouple_wd=False),
    dict(kind="adam", wd=0.5, wd_bn_bias=True),
    dict(kind="adam", mom=0.8, sqr_mom=0.999, eps=1e-7),
    dict(kind="sgd"),
    dict(kind="sgd", mom=0.9, wd=0.1),
    dict(kind="sgd", wd=0.1, decouple_wd=False),
    dict(kind="sgd", mom=0.9, wd=0.1, decouple_wd=False),
    dict(kind="rmsprop"),
    dict(kind="rmsprop", mom=0.9, sqr_mom=0.9, wd=0.1),
    dict(kind="radam"),
    dict(kind="radam", wd=0.1, sqr_mom=0.9),
    dict(kind="radam", wd=0.1, decouple_wd=False),
]
cases = [run(c) for c in configs] + [run(c, move_mom=False) for c in (configs[0], configs[6], configs[11])]
out = {"start": start.tolist(), "lrs": lrs, "moms": moms, "grads": grads.tolist()}
path = Path(__file__).with_name("optim.json")
text = json.dumps(out)[:-1] + ', "cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + "\n]}\n"
path.write_text(text)
print(len(cases), "cases,", path.stat().st_size, "bytes")
