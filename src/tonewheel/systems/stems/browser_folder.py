"""A folder that a browser can open as it is: the page, the modules, the network with int8 weights, and its runtime."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.export.network import Network
from tonewheel.export.sounds import Heard
from tonewheel.export.write import Exported, write

MODULES = Path(__file__).parent / "browser"
RUNTIME_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""Of onnxruntime-web (MIT): the part that runs on any processor."""


def write_browser_folder(network: Network, out: Path, runtime: Path | None, heard: Heard) -> Exported:
    """Fill the folder `out`, whole or not at all; without `runtime` its `ort` has to be filled by hand.

    InputError when `runtime` is no onnxruntime-web.
    """
    found = [] if runtime is None else [runtime / "dist" / name for name in RUNTIME_FILES]
    missing = next((path for path in found if not path.is_file()), None)
    if missing is not None:
        raise InputError(missing, "no such file; expected an installed onnxruntime-web, as npm leaves it")
    if out.exists() and not (out / "stems.onnx").is_file():
        raise InputError(out, "is there and no such page; it is not replaced")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as name:
        folder = Path(name) / "page"
        shutil.copytree(MODULES, folder)
        (folder / "ort").mkdir()
        for path in found:
            shutil.copy(path, folder / "ort" / path.name)
        done = write(network, "int8", folder / "stems.onnx", heard)
        if out.exists():
            out.rename(Path(name) / "before")
        folder.rename(out)
    return msgspec.structs.replace(done, path=str(out / "stems.onnx"))
