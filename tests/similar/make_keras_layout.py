# /// script
# dependencies = ["h5py", "numpy"]
# ///
"""Write data/keras_layout.h5: OpenL3's layers as Keras saves them, two to five filters wide, random values.

    pipx run tests/similar/make_keras_layout.py     # with h5py, which Tonewheel does not need

The tests read the file and take the values from `layers`, so what h5py wrote is what our reader has to find.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

WIDTHS = (2, 3, 4, 5)
FIRST_NUMBER = 9
"""Keras counts on within a process, so names do not begin with 1."""


def layers() -> dict[str, dict[str, np.ndarray]]:
    """Layer -> variable -> values, drawn from one seed."""
    rng = np.random.default_rng(5)
    pairs = [pair for i, o in zip((1, *WIDTHS), WIDTHS, strict=False) for pair in ((i, o), (o, o))]
    made: dict[str, dict[str, np.ndarray]] = {}
    for number, size in enumerate([1, *(o for _, o in pairs[:-1])], FIRST_NUMBER):
        made[f"batch_normalization_{number}"] = {
            "gamma": rng.uniform(0.5, 1.5, size),
            "beta": rng.normal(0, 0.2, size),
            "moving_mean": rng.normal(0, 0.2, size) if size > 1 else np.array([-40.0]),
            "moving_variance": rng.uniform(0.5, 1.5, size) * (1 if size > 1 else 400.0),
        }
    for number, (i, o) in enumerate(pairs, FIRST_NUMBER):
        last = number == FIRST_NUMBER + len(pairs) - 1
        made["audio_embedding_layer" if last else f"conv2d_{number}"] = {
            "kernel": rng.normal(0, (2 / (9 * i)) ** 0.5, (3, 3, i, o)),
            "bias": rng.normal(0, 0.1, o),
        }
    return {name: {k: v.astype(np.float32) for k, v in one.items()} for name, one in made.items()}


def write(path: Path) -> None:
    import h5py

    made = layers()
    with h5py.File(path, "w") as file:
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.4.0"
        file.attrs["layer_names"] = [name.encode() for name in made]
        for name, variables in made.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{key}:0".encode() for key in variables]
            for key, values in variables.items():
                group.create_dataset(f"{name}/{key}:0", data=values)
        for name in ("activation_9", "input_3"):  # layers without weights are there as well
            file.create_group(name).attrs["weight_names"] = []


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data" / "keras_layout.h5")
