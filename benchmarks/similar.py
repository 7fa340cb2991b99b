"""A search in an index: milliseconds beside numpy and FAISS; 100,000 invented embeddings; a query from its sound."""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # numpy and FAISS read it when they are imported

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from measure import peak_mb, processor_s, stereo_song
from numpy.typing import NDArray

from tonewheel.audio.encode import write
from tonewheel.core.errors import MissingDependencyError
from tonewheel.index.file import open_index, save_index
from tonewheel.index.vectors import VectorIndex

SIZE, K, STYLES = 256, 10, 400
TARGET_MS = {500: 0.1, 10_000: 10.0, 100_000: 30.0}


def invented(count: int, seed: int) -> NDArray[np.float32]:
    """Unit rows in styles, as music has them."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((STYLES, SIZE), dtype=np.float32)
    rows = centres[rng.integers(STYLES, size=count)] + 1.2 * rng.standard_normal(
        (count, SIZE), dtype=np.float32
    )
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def timed(
    search: Callable[[NDArray[np.float32]], object], queries: NDArray[np.float32]
) -> tuple[float, float]:
    """Median and 95th percentile of processor milliseconds: what other programs took does not count."""
    took = []
    for number, query in enumerate(queries):
        began = time.process_time()
        search(query)
        if number:  # the first pays for what is made once
            took.append(1000 * (time.process_time() - began))
    return float(np.median(took)), float(np.quantile(took, 0.95))


def searches(count: int, queries: NDArray[np.float32], methods: list[str]) -> None:
    rows = invented(count, 0)
    names = [f"track {number}" for number in range(count)]
    truth = [set(np.argsort(-(rows @ query), kind="stable")[:K].tolist()) for query in queries]

    def plain(query: NDArray[np.float32]) -> object:
        return np.argsort(-(rows @ query))[:K]

    results: list[tuple[str, float, tuple[float, float], float]] = [
        ("numpy, sorted", 0.0, timed(plain, queries), 1.0)
    ]
    try:
        import faiss

        flat = faiss.IndexFlatIP(SIZE)
        flat.add(rows)
        results.append(("FAISS, flat", 0.0, timed(lambda query: flat.search(query[None], K), queries), 1.0))
    except ImportError:
        print("faiss-cpu is not installed: no figures of it")
    for method in methods:
        try:
            index = VectorIndex(SIZE, method)
        except MissingDependencyError as error:
            print(error)
            continue
        began = processor_s()
        index.add(names, rows)
        index.search(queries[0], K)
        built_s = processor_s() - began
        found = [{int(match.id.split()[1]) for match in index.search(query, K)} for query in queries]
        recall = float(np.mean([len(one & right) / K for one, right in zip(found, truth, strict=True)]))
        results.append((f"tonewheel, {method}", built_s, timed(partial(index.search, k=K), queries), recall))
        if method != "ivf":
            storing(index, method)
    slowest = results[0][2][0]
    for name, built_s, (p50, p95), recall in results:
        ratio = f"{p50 / max(slowest, 1e-9):8.3f}"
        print(f"{count:>7} {name:<18}{p50:9.3f}{p95:9.3f}{ratio}{recall:9.3f}{built_s:9.1f}")
    if count in TARGET_MS:
        print(f"{count:>7} target, p95 {TARGET_MS[count]:g} ms")


def storing(index: VectorIndex, method: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "an.index"
        began = processor_s()
        size = save_index(path, index, maker="ab", made_with="bench")
        saved = processor_s()
        open_index(path)
        print(
            f"{len(index):>7} {method} file: {size / 1e6:.1f} MB, written in {saved - began:.2f} s,"
            f" opened in {processor_s() - saved:.2f} s"
        )


def from_sound(seconds: float) -> None:
    """A query from a file, everything included, as a share of its length."""
    from tonewheel.systems.similar.choose import backbone
    from tonewheel.systems.similar.hear import hear_query

    chosen = backbone()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "query.flac"
        write(path, stereo_song(1, seconds), 44_100)
        hear_query(path, chosen)
        began = processor_s()
        hear_query(path, chosen)
        took = processor_s() - began
    print(
        f"a query of {seconds:g} s with {chosen.name}: {took:.2f} s, {took / seconds:.3f} of its length (target 0.15)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="500 embeddings: whether it runs, not how fast")
    parser.add_argument("--queries", type=int, default=200)
    options = parser.parse_args()
    print("tracks  method             p50 ms   p95 ms   ratio   recall  built s")
    queries = invented(options.queries, 1)
    for count in (500,) if options.quick else (500, 10_000, 100_000):
        searches(count, queries[:20] if options.quick else queries, ["exact", "hnsw", "ivf"])
    from_sound(10.0 if options.quick else 120.0)
    print(f"most memory: {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()
