"""jax_scan.py DATA SHAPE CORES: a whole epoch in one compiled `lax.scan`, pinned to so many cores."""

import os
import sys
import time

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[3])])

import jax
import jax.numpy as jnp
import optax

from encoded import SHAPES, Encoded, serve

data = Encoded(sys.argv[1])
hidden, rows = SHAPES[sys.argv[2]]
widths = [data.inputs, *hidden]
x_cat, x_cont, y = (jnp.array(part) for part in data.train)
n = len(y)


def start(key):
    keys = iter(jax.random.split(key, 32))
    normal = lambda shape, std: jax.random.normal(next(keys), shape) * std
    return {
        "embeds": [normal(shape, 0.01) for shape in zip(data.levels, data.sizes)],
        "bn_cont": (jnp.ones(data.numbers), jnp.zeros(data.numbers)),
        "blocks": [
            (normal((i, o), i**-0.5), jnp.ones(o), jnp.zeros(o)) for i, o in zip(widths, widths[1:])
        ],
        "last": (normal((widths[-1], 2), widths[-1] ** -0.5), jnp.zeros(2)),
    }


def norm(x, weight, bias, running):
    """Batch norm; with `running` None by the batch's own statistics. Returns the statistics too."""
    mean, var = (x.mean(0), x.var(0)) if running is None else running
    return (x - mean) * jax.lax.rsqrt(var + 1e-5) * weight + bias, (mean, var)


def forward(params, codes, numbers, running=None):
    look = lambda i: None if running is None else running[i]
    numbers, first = norm(numbers, *params["bn_cont"], look(0))
    x = jnp.concatenate([*(e[codes[:, i]] for i, e in enumerate(params["embeds"])), numbers], 1)
    stats = [first]
    for i, (weight, scale, shift) in enumerate(params["blocks"]):
        x, batch = norm(jax.nn.relu(x @ weight), scale, shift, look(i + 1))
        stats.append(batch)
    weight, bias = params["last"]
    return x @ weight + bias, stats


def mean_loss(params, codes, numbers, classes):
    logits, stats = forward(params, codes, numbers)
    return optax.softmax_cross_entropy_with_integer_labels(logits, classes).mean(), stats


optimizer = optax.adamw(1e-3, b1=0.9, b2=0.99, eps=1e-5, weight_decay=0.01)


@jax.jit
def epoch(params, state, running, key):
    order = jax.random.permutation(key, n)[: n // rows * rows].reshape(-1, rows)

    def step(carry, index):
        params, state, running = carry
        (loss, stats), grads = jax.value_and_grad(mean_loss, has_aux=True)(
            params, x_cat[index], x_cont[index], y[index]
        )
        updates, state = optimizer.update(grads, state, params)
        running = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, running, stats)
        return (optax.apply_updates(params, updates), state, running), loss

    (params, state, running), losses = jax.lax.scan(step, (params, state, running), order)
    return params, state, running, losses.mean()


params = start(jax.random.key(42))
state = optimizer.init(params)
running = [(jnp.zeros(width), jnp.ones(width)) for width in [data.numbers, *hidden]]
keys = iter(jax.random.split(jax.random.key(0), 1000))


def turn():
    global params, state, running
    key = next(keys)
    begin = time.perf_counter()
    params, state, running, loss = epoch(params, state, running, key)
    loss.block_until_ready()
    return time.perf_counter() - begin


def right():
    codes, numbers, classes = data.test
    return float((forward(params, codes, numbers, running)[0].argmax(1) == classes).mean())


turn()
serve(jax.__version__, turn, right)
