"""keras_fit.py DATA: an epoch of Keras's `fit` on JAX a turn."""

import os
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
from keras import layers

from encoded import SHAPES, Encoded, serve

data = Encoded(sys.argv[1])
hidden, rows = SHAPES["article"]
keras.utils.set_random_seed(42)
codes = keras.Input((len(data.levels),), dtype="int32")
numbers = keras.Input((data.numbers,))
embedded = [
    layers.Embedding(levels, size)(codes[:, i]) for i, (levels, size) in enumerate(zip(data.levels, data.sizes))
]
norm = {"epsilon": 1e-5, "momentum": 0.9}
x = layers.Concatenate()([*embedded, layers.BatchNormalization(**norm)(numbers)])
for width in hidden:
    x = layers.Dense(width, activation="relu", use_bias=False)(x)
    x = layers.BatchNormalization(**norm)(x)
model = keras.Model([codes, numbers], layers.Dense(2)(x))
model.compile(
    keras.optimizers.AdamW(1e-3, weight_decay=0.01, beta_2=0.99, epsilon=1e-5),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
x_cat, x_cont, y = data.train
# Whole batches only: as many steps as the others make.
whole = len(y) // rows * rows


def turn():
    begin = time.perf_counter()
    model.fit([x_cat[:whole], x_cont[:whole]], y[:whole], batch_size=rows, epochs=1, shuffle=True, verbose=0)
    return time.perf_counter() - begin


def right():
    x_cat, x_cont, y = data.test
    return float((model.predict([x_cat, x_cont], batch_size=1024, verbose=0).argmax(1) == y).mean())


turn()
serve(keras.__version__, turn, right, f"jax {jax.__version__}")
