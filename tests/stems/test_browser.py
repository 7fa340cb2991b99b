"""The browser's modules in a real Chromium: features as Python tells them, stems as torch gives them, one page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tonewheel.audio.encode import write
from tonewheel.core.seeds import generator
from tonewheel.export.int8_weights import rounded
from tonewheel.export.sounds import Heard
from tonewheel.manifest.stem_snapshot import FAMILIES
from tonewheel.manifest.stem_snapshot_check import parse_snapshot
from tonewheel.manifest.stems import STEMS
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.systems.stems.browser_folder import MODULES, write_browser_folder
from tonewheel.systems.stems.export import example, network_of
from tonewheel.systems.stems.features.context import musical_context
from tonewheel.systems.stems.features.families import families
from tonewheel.systems.stems.features.listen import listen
from tonewheel.systems.stems.features.stem_vector import stem_vectors
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.model import Separator
from tonewheel.systems.stems.recipe import NetworkRecipe
from tonewheel.systems.stems.separate import separate

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

# torch traces a graph for some ten seconds of an idle processor, and for minutes of a busy one.
pytestmark = pytest.mark.timeout(600)

RATE = 44_100
PARITY = 1e-4
SECONDS = 4.0
RECIPE = NetworkRecipe(channels=(2, 2, 4, 4, 4), convolutions=(1, 1, 1, 1), wide=8, dilations=(1,))
Audio = NDArray[np.float32]


@pytest.fixture(scope="module")
def song() -> Audio:
    # No multiple of a frame, so that the end is an end.
    return render(compose(3, seconds=SECONDS), RATE, channels=2, seconds=SECONDS).mix[:, :-333]


@pytest.fixture(scope="module")
def masker() -> NetMasker:
    """A small network that has learned nothing, and yet tells stems apart in its own way."""
    torch.manual_seed(1)
    network = Separator(RECIPE)
    with torch.no_grad():
        network.core.leave.weight *= 300
    return NetMasker(network)


@pytest.fixture(scope="module")
def folder(
    masker: NetMasker, song: Audio, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The exported page, and the song beside it."""
    runtime = repository / "node_modules" / "onnxruntime-web"
    if not runtime.is_dir():
        pytest.skip("no onnxruntime-web (`make setup` with npm installs it)")
    out = tmp_path_factory.mktemp("browser") / "page"
    done = write_browser_folder(network_of(masker, {}), out, runtime, Heard([], "noise"))
    assert done.weights == "int8"
    song.astype("<f4").tofile(out / "song.f32")
    write(out / "song.wav", song, RATE)
    return out


@pytest.fixture
def features_page(chromium: Any, browsing: ModuleType, tmp_path: Path) -> Iterator[Any]:
    """The modules alone: features need no runtime."""
    (tmp_path / "blank.html").write_text("<title>features</title>")
    with browsing.served({"/modules/": MODULES, "/": tmp_path}) as origin:
        page = chromium.open(f"{origin}/blank.html")
        yield page
        page.close()


@pytest.fixture(scope="module")
def page(chromium: Any, browsing: ModuleType, folder: Path) -> Iterator[Any]:
    (folder / "blank.html").write_text("<title>separator</title>")
    with browsing.served({"/": folder}) as origin:
        page = chromium.open(f"{origin}/blank.html")
        page.run(
            """(async () => {
              const ort = await import('/ort/ort.wasm.min.mjs');
              ort.env.wasm.wasmPaths = location.origin + '/ort/';
              ort.env.wasm.numThreads = 1;
              const { Separator } = await import('/separator.js');
              const separator = await Separator.load(ort, '/stems.onnx');
              const all = new Float32Array(await (await fetch('/song.f32')).arrayBuffer());
              const song = [all.slice(0, all.length / 2), all.slice(all.length / 2)];
              const text = (values) => {
                const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
                let out = '';
                for (let i = 0; i < bytes.length; i += 32768)
                  out += String.fromCharCode(...bytes.subarray(i, i + 32768));
                return btoa(out);
              };
              Object.assign(window, { ort, Separator, separator, song, text });
            })()"""
        )
        yield page
        page.close()


def numbers(text: str) -> Audio:
    return np.frombuffer(base64.b64decode(text), "<f4")


def stems_of(page: Any, options: str = "{}") -> dict[str, Audio]:
    found = page.run(
        f"""(async () => {{
          const stems = await separator.separate(song, {options});
          return Object.entries(stems).map(([name, sides]) => [name, sides.map(text)]);
        }})()"""
    )
    return {name: np.stack([numbers(side) for side in sides]) for name, sides in found}


@pytest.fixture(scope="module")
def six(page: Any) -> dict[str, Audio]:
    """The six stems that the browser makes of the song."""
    return stems_of(page)


def test_features_are_those_of_python(features_page: Any, song: Audio, tmp_path: Path) -> None:
    noise = 0.1 * generator(1, "noise").standard_normal((5, 30_000))
    cases = {
        "song": (song, RATE),
        "mono": (song[:1, :50_000], 22_050),
        "many channels": (noise.astype(np.float32), 96_000),
        "silence": (np.zeros((2, 9000), np.float32), 48_000),
        "shorter than a frame": (song[:, 40_000:40_700], RATE),
    }
    for name, (audio, rate) in cases.items():
        audio.astype("<f4").tofile(tmp_path / "case.f32")
        told = features_page.run(
            f"""(async () => {{
              const [{{ listen }}, {{ families }}, {{ musicalContext }}, {{ stemVectors }}] = await Promise.all(
                ['listen', 'families', 'context', 'stem_vector'].map((name) => import(`/modules/${{name}}.js`)));
              const all = new Float32Array(await (await fetch('/case.f32')).arrayBuffer());
              const length = all.length / {len(audio)};
              const audio = Array.from({{ length: {len(audio)} }},
                (_, channel) => all.subarray(channel * length, (channel + 1) * length));
              const heard = listen(audio, {rate});
              const half = listen(audio.map((values) => values.map((value) => value / 2)), {rate});
              return {{ families: families(heard), context: musicalContext(heard), stems: stemVectors([heard, half]) }};
            }})()"""
        )
        heard = listen(audio, rate)
        expected = families(heard)
        for family in FAMILIES:
            ours = np.array(getattr(expected, family))
            np.testing.assert_allclose(told["families"][family], ours, atol=1e-9, err_msg=f"{name}: {family}")
        context = json.loads(musical_context(heard).to_json())
        tension = told["context"]["harmonicContent"].pop("tensionLevel")
        assert tension == pytest.approx(context["harmonicContent"].pop("tensionLevel"), abs=1e-9), name
        assert told["context"] == context, name
        vectors = stem_vectors([heard, listen(audio / 2, rate)])
        np.testing.assert_allclose(told["stems"], vectors, atol=1e-6, err_msg=name)


def test_shares_are_those_of_torch(page: Any, masker: NetMasker, folder: Path) -> None:
    given = example(48, seed=7)
    for name, values in given.items():
        values.numpy().astype("<f4").tofile(folder / f"{name}.f32")
    shares = numbers(
        page.run(
            """(async () => {
              const read = async (name) => new Float32Array(await (await fetch(`/${name}.f32`)).arrayBuffer());
              const { shares } = await separator.session.run({
                power: new ort.Tensor('float32', await read('power'), [1, 2, 304, 48]),
                context: new ort.Tensor('float32', await read('context'), [1, 16]),
              });
              return text(shares.data);
            })()"""
        )
    )
    with torch.inference_mode():
        ours = rounded(masker.network.core)(**given).numpy().ravel()
    assert np.abs(shares - ours).max() <= PARITY
    assert np.ptp(ours) > 0.5  # the network does tell stems apart


def test_stems_are_those_of_python_and_sum_to_the_mix(
    six: dict[str, Audio], masker: NetMasker, song: Audio
) -> None:
    twin = Separator(RECIPE)
    twin.core.load_state_dict(rounded(masker.network.core).state_dict())
    assert tuple(six) == STEMS
    expected = separate(song, RATE, NetMasker(twin))
    for name, ours in zip(STEMS, expected, strict=True):
        assert np.abs(six[name] - ours).max() <= PARITY, name
        assert np.abs(ours).max() > 50 * PARITY, name
    total = np.sum([stem.astype(np.float64) for stem in six.values()], axis=0)
    assert np.abs(total - song).max() < 1e-7


def test_how_a_song_is_cut_makes_no_difference(page: Any, six: dict[str, Audio]) -> None:
    cut = stems_of(page, "{ stretch: 48 }")
    assert all(np.abs(six[name] - cut[name]).max() < 1e-6 for name in STEMS)


def test_folds_sum_to_the_mix(page: Any, six: dict[str, Audio], song: Audio) -> None:
    four, two = stems_of(page, "{ stems: 4 }"), stems_of(page, "{ stems: 2 }")
    assert tuple(four) == ("vocals", "drums", "bass", "other")
    assert tuple(two) == ("vocals", "accompaniment")
    assert np.abs(four["bass"] - six["bass"] - six["sub"]).max() < 1e-6
    for stems in (four, two):
        assert np.abs(sum(stems.values()) - song).max() < 1e-6


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("separator.separate([song[0], song[1].slice(1)])", "expected the same"),
        ("separator.separate([new Float32Array([0, NaN, 0])])", "sample 1 is no number"),
        ("separator.separate([song[0], song[1], song[0]])", "3 channels"),
        ("separator.separate([new Float32Array(0)])", "0 samples"),
        ("separator.separate(song, { stems: 5 })", "6, 4 or 2"),
        ("separator.separate(song, { stretch: 100 })", "multiple of 16"),
        ("separator.separate(song, { signal: AbortSignal.abort() })", "abort"),
        ("Separator.load(ort, '/none.onnx')", "404"),
        ("Separator.load(ort, '/song.f32')", "ONNX"),
        ("Separator.load(ort, new Uint8Array([1, 2, 3]))", "not an ONNX file"),
        ("Separator.load(ort, '/stems.onnx', { sha256: 'ab' })", "SHA-256 differs"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(page: Any, script: str, reason: str) -> None:
    told = page.run(f"{script}.then(() => 'taken', (error) => error.message)")
    assert reason in told


def test_the_page_takes_a_recording_apart_and_shows_what_would_be_shared(
    chromium: Any, browsing: ModuleType, folder: Path, song: Audio
) -> None:
    with browsing.served({"/": folder}) as origin:
        page = chromium.open(f"{origin}/index.html")
        told = page.run(
            """(async () => {
              const sound = new File([await (await fetch('/song.wav')).blob()], 'song.wav');
              const given = new DataTransfer();
              given.items.add(sound);
              const input = document.getElementById('file');
              input.files = given.files;
              const told = document.getElementById('told');
              const done = new Promise((resolve) => new MutationObserver(() => {
                if (document.body.dataset.done || told.className) resolve();
              }).observe(document.body, { attributes: true, childList: true, subtree: true }));
              input.dispatchEvent(new Event('change'));
              await done;
              return {
                told: told.textContent,
                stems: [...document.querySelectorAll('#stems tr')].map((row) => row.cells[0].textContent),
                snapshot: document.getElementById('snapshot').textContent,
              };
            })()"""
        )
        page.close()
    assert told["stems"] == list(STEMS), told["told"]
    assert "taken apart in" in told["told"]
    snapshot = parse_snapshot(told["snapshot"].encode())
    assert snapshot.original_audio.duration_s == pytest.approx(song.shape[1] / RATE, abs=0.01)
    assert "song" not in told["snapshot"].replace(snapshot.id, "")
