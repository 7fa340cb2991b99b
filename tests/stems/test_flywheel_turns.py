"""The transformer, its contest, drift, and the gains that corrections become: that each can say no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from tonewheel.cli.main import main
from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.core.seeds import generator
from tonewheel.learn.recipe import load_recipe
from tonewheel.manifest.stem_snapshot import Correction, StemSnapshot
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.baselines.share import EqualShares
from tonewheel.systems.stems.flywheel.champion import contest, crown, gain_of, judge, rises_db
from tonewheel.systems.stems.flywheel.data import read_snapshots
from tonewheel.systems.stems.flywheel.dataset import build_dataset
from tonewheel.systems.stems.flywheel.drift import drift
from tonewheel.systems.stems.flywheel.edit import corrected, moved, region_sdr_db
from tonewheel.systems.stems.flywheel.evaluate import evaluate
from tonewheel.systems.stems.flywheel.join import CalibratedMasker, calibrate, read_calibration, voted
from tonewheel.systems.stems.flywheel.loss import loss, stem_errors
from tonewheel.systems.stems.flywheel.model import PhaseGate, StemTransformer
from tonewheel.systems.stems.flywheel.person import corrections
from tonewheel.systems.stems.flywheel.population import population
from tonewheel.systems.stems.flywheel.recipe import FlywheelRecipe, TransformerRecipe
from tonewheel.systems.stems.flywheel.sanitize import sanitize
from tonewheel.systems.stems.flywheel.sanitized import SanitizedCorrection
from tonewheel.systems.stems.flywheel.train import FILE, FlywheelModule, load_transformer, train

RATE = 44_100
SMOKE = load_recipe("smoke", FlywheelRecipe, ["epochs=6"])


def data_set(folder: Path, snapshots: list[StemSnapshot], name: str = "set") -> Path:
    (folder / f"{name}.raw.jsonl").write_text("".join(one.to_json() + "\n" for one in snapshots))
    sanitize(folder / f"{name}.raw.jsonl", folder / f"{name}.jsonl")
    build_dataset(folder / f"{name}.jsonl", folder / name)
    return folder / name


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_set(tmp_path_factory.mktemp("flywheel"), list(population(160)))


@pytest.fixture(scope="module")
def trained(snapshots: Path) -> Path:
    train(snapshots, SMOKE, snapshots / "model")
    return snapshots / "model" / FILE


def test_the_base_recipe_is_the_transformer_of_the_seed() -> None:
    recipe = load_recipe("base", FlywheelRecipe)
    shape = recipe.transformer
    assert (shape.blocks, shape.heads, shape.width, shape.feed_forward) == (4, 8, 256, 1024)
    assert (recipe.epochs, recipe.fit.batch_size, recipe.fit.learning_rate) == (50, 32, 1e-3)
    assert recipe.fit.weight_decay == 0  # AdamW without decay is Adam


def test_the_gate_is_what_its_page_says() -> None:
    gate, x = PhaseGate(3, 4), torch.randn(5, 3)
    a = x @ gate.amplitude.weight.T + gate.amplitude.bias
    p = x @ gate.phase.weight.T + gate.phase.bias
    torch.testing.assert_close(gate(x), a * (0.5 + 0.5 * torch.cos(2 * p)))


def test_missing_stems_are_masked() -> None:
    outputs = torch.randn(4, 6, 8, requires_grad=True)
    targets, weights = torch.randn(4, 6, 8), torch.rand(4, 6, 8)
    weights[:, 2] = 0
    weights[1, 3] = 0
    told = outputs.detach()
    naive = []
    for stem in (0, 1, 3, 4, 5):
        squares = [
            weights[n, stem, i] * (told[n, stem, i] - targets[n, stem, i]) ** 2
            for n in range(4)
            for i in range(8)
        ]
        naive.append(float(sum(squares) / weights[:, stem].sum()))
    value = loss(outputs, targets, weights)
    assert float(value.detach()) == pytest.approx(np.mean(naive), rel=1e-5)
    value.backward()
    assert outputs.grad is not None
    assert not outputs.grad[:, 2].any()
    assert not outputs.grad[1, 3].any()
    assert bool(stem_errors(told, targets, weights)[2].isnan())
    assert float(loss(told, targets, torch.zeros_like(weights))) == 0.0


def test_an_untrained_model_tells_the_mean(snapshots: Path) -> None:
    read = read_snapshots(snapshots)
    module = FlywheelModule(SMOKE, read)
    told = module.transformer(torch.from_numpy(read.train.inputs[:3])).detach().numpy()
    weights = read.train.weights
    mean = (weights * read.train.targets).sum(0) / weights.sum(0)
    np.testing.assert_allclose(told, np.repeat(mean[None], 3, 0), atol=1e-5)


def test_wild_inputs_move_a_prediction_by_a_bounded_amount(trained: Path) -> None:
    model = load_transformer(trained).transformer
    wild = torch.full((1, 366), 1e30)
    assert bool(torch.isfinite(model(wild)).all())


def test_training_beats_the_mean_and_the_report_says_what_it_cannot_know(
    snapshots: Path, trained: Path
) -> None:
    found = evaluate(snapshots, trained, snapshots / "evaluation")
    assert found.better_than_mean.value > 0
    page = (snapshots / "evaluation" / "report.html").read_text()
    assert "SDR, SIR and SAR cannot be computed" in page
    assert json.loads((snapshots / "evaluation" / "evaluation.json").read_text())["snapshots"] == 32


def test_a_killed_run_ends_with_equal_weights(
    snapshots: Path, trained: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    step = FlywheelModule.training_step

    def killed(self: FlywheelModule, batch: Any, number: int) -> Tensor:
        if self.trainer.global_step == 21:
            raise RuntimeError("killed")
        return step(self, batch, number)

    with monkeypatch.context() as patched:
        patched.setattr(FlywheelModule, "training_step", killed)
        with pytest.raises(RuntimeError, match="killed"):
            train(snapshots, SMOKE, tmp_path)
    train(snapshots, SMOKE, tmp_path)
    first, again = (load_transformer(path).transformer.state_dict() for path in (trained, tmp_path / FILE))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_run_folder_belongs_to_one_data_set(snapshots: Path, trained: Path, tmp_path: Path) -> None:
    other = data_set(tmp_path, list(population(20, seed=8)))
    with pytest.raises(InputError, match="take another folder"):
        train(other, SMOKE, trained.parent)


def test_a_first_champion_has_to_know_something(snapshots: Path, trained: Path, tmp_path: Path) -> None:
    result = contest(snapshots, trained, None)
    assert "mean" in result.champion
    assert result.gain.value > 0
    # Itself against itself is no gain.
    crown(msgspec.structs.replace(result, won=True), trained, snapshots, tmp_path)
    again = contest(snapshots, trained, tmp_path / FILE)
    assert not again.won
    assert again.gain.value == 0
    before = (tmp_path / FILE).read_bytes()
    assert not crown(again, trained, snapshots, tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    events = [json.loads(line)["event"] for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert events == ["crowned", "refused"]


def test_a_challenger_that_is_better_but_for_one_stem_is_refused() -> None:
    rng = generator(0)
    old = rng.uniform(0.9, 1.1, (60, 6))
    new = old * 0.5
    sources = [str(number) for number in range(60)]
    assert all(one.passed for one in judge(gain_of(old, new, sources), rises_db(old, new)))
    new[:, 4] = old[:, 4] * 1.06  # 0.25 dB
    verdicts = judge(gain_of(old, new, sources), rises_db(old, new))
    assert [one.passed for one in verdicts] == [True, False]
    assert "perc" in verdicts[1].detail
    # By chance better: the lower bound is what counts.
    luck = old + np.where(np.arange(60) % 2, 0.1, -0.101)[:, None]
    assert np.mean(luck) < np.mean(old)
    assert not judge(gain_of(old, luck, sources), {})[0].passed
    # One sound a hundred times is one sound.
    assert gain_of(old, old * 0.5, ["the same"] * 60).low is None


def test_other_numbers_than_the_model_reads_are_refused(
    snapshots: Path, trained: Path, tmp_path: Path
) -> None:
    short = [
        msgspec.structs.replace(
            one, features=msgspec.structs.replace(one.features, energy=one.features.energy[:9])
        )
        for one in population(20)
    ]
    with pytest.raises(ModelMismatchError, match="energy"):
        evaluate(data_set(tmp_path, short), trained)


def test_drift_is_seen_and_more_of_the_same_is_not(snapshots: Path, tmp_path: Path) -> None:
    same = data_set(tmp_path, list(population(100, seed=11)), "same")
    brighter = data_set(tmp_path, list(population(100, seed=12, shift_db=12.0)), "brighter")
    assert drift(snapshots, same).passed
    found = drift(snapshots, brighter)
    assert not found.passed
    assert "spectral" in found.findings[0].path


def bursts(rng: np.random.Generator, seconds: float = 6.0) -> np.ndarray[Any, Any]:
    """Six stems of filtered noise that comes and goes, (6, 2, samples)."""
    n = round(seconds * RATE)
    frequency_hz = np.fft.rfftfreq(n, 1 / RATE)
    stems = []
    for centre_hz in (600.0, 3000.0, 120.0, 1200.0, 7000.0, 45.0):
        shape = np.exp(-(np.log2(np.maximum(frequency_hz, 1.0) / centre_hz) ** 2))
        sound = np.fft.irfft(np.fft.rfft(rng.normal(size=(2, n))) * shape, n)
        gates = np.repeat(rng.random(12) < 0.6, n // 12)
        stems.append(0.1 * sound / sound.std() * np.pad(gates, (0, n - len(gates))))
    return np.array(stems, np.float32)


def leaking(stems: np.ndarray[Any, Any], share: float = 0.5) -> np.ndarray[Any, Any]:
    """A separation in which half of the voice is in the harmonic stem."""
    out = stems.copy()
    out[0] -= share * stems[0]
    out[3] += share * stems[0]
    return out


def test_a_correction_makes_its_region_better_and_leaves_the_rest_alone() -> None:
    truth = bursts(generator(5))
    separated = leaking(truth)
    made = corrections(truth, separated, RATE, generator(6))
    assert made
    assert {one.stem for one in made} <= {"vocals", "harmonic"}
    better = corrected(separated, made, RATE)
    np.testing.assert_allclose(better.sum(0), separated.sum(0), atol=1e-5)
    for one in made[:2]:
        row = STEMS.index(one.stem)
        before, after = (region_sdr_db(truth[row], sound[row], one, RATE) for sound in (separated, better))
        assert after > before + 0.5
    assert one.time_s is not None
    untouched = [
        block for block in range(2) if not any(c.time_s == (3.0 * block, 3.0 * block + 3.0) for c in made)
    ]
    for block in untouched:
        inside = slice(round((3 * block + 0.2) * RATE), round((3 * block + 2.8) * RATE))
        np.testing.assert_allclose(better[..., inside], separated[..., inside], atol=1e-5)


@pytest.mark.parametrize("kind", ["boost", "cut", "isolation", "masking"])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_shares_stay_shares_whatever_is_corrected(kind: Any, strength: float) -> None:
    shares = torch.softmax(3 * torch.randn(6, 50), 0)
    shares[:, 0] = torch.eye(6)[2]
    found = moved(shares, 2, kind, strength)
    assert float(found.min()) >= 0
    torch.testing.assert_close(found.sum(0), torch.ones(50))
    change = (found[2] - shares[2])[1:] * (1 if kind in ("boost", "isolation") else -1)
    assert float(change.min()) > -1e-5
    if strength == 0:
        torch.testing.assert_close(found, shares, rtol=1e-4, atol=1e-5)
    if (kind, strength) != ("isolation", 1.0):  # the others keep their proportions
        others = [row for row in range(6) if row != 2]
        before, after = (values[others, 1:] / values[others, 1:].sum(0) for values in (shares, found))
        torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4)


def vote(stem: int = 0, kind: int = 0, strength: float = 0.5) -> SanitizedCorrection:
    return SanitizedCorrection(
        stem=stem, kind=kind, low_hz=200, high_hz=800, start=0, end=1, strength=strength
    )


def test_gains_are_medians_of_sounds_that_agree() -> None:
    table, counts = voted([(f"song {n}", [vote(strength=0.1 * n)]) for n in range(1, 8)])
    assert table[0, 5:11].tolist() == pytest.approx([4.8] * 6)  # 0.4 of 12 dB, the middle one
    assert np.count_nonzero(table) == 6
    assert counts.max() == 7
    # Four are too few, and one sound that votes a hundred times is one.
    assert not voted([(f"song {n}", [vote()]) for n in range(4)])[0].any()
    assert not voted([("song", [vote()])] * 100)[0].any()
    # Without agreement there is no gain.
    assert not voted([(f"song {n}", [vote(kind=n % 2)]) for n in range(10)])[0].any()
    # Liars who are fewer cannot turn it.
    mixed = voted(
        [(f"song {n}", [vote(kind=int(n >= 16), strength=0.5 if n < 16 else 1.0)]) for n in range(20)]
    )[0]
    assert mixed[0, 7] == pytest.approx(6.0)


class Leaning:
    """A separator that knows the truth of a song, but for giving the voice too little."""

    reach = 0

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.truth: Tensor = torch.zeros(())

    def shares(self, spectrum: Tensor) -> Tensor:
        power = self.truth.abs().square()
        power[0] *= self.factor
        return power / power.sum(0).clamp_min(1e-12)


def songs(masker: Leaning, count: int = 6) -> Any:
    from tonewheel.systems.stems.spectra import analyse

    for number in range(count):
        stems = bursts(generator(number, "song"), 2.0)
        masker.truth = torch.view_as_complex(analyse(torch.from_numpy(stems)))
        yield f"song {number}", stems


def with_votes(folder: Path, kind: Any) -> Path:
    cut = Correction(stem="vocals", kind=kind, strength=0.6, frequency_hz=(100.0, 3000.0))
    return data_set(
        folder, [msgspec.structs.replace(one, corrections=(cut,)) for one in population(20, seed=4)]
    )


def test_corrections_make_a_leaning_separator_better_on_other_songs(tmp_path: Path) -> None:
    masker = Leaning(0.1)
    found = calibrate(with_votes(tmp_path, "boost"), masker, songs(masker))
    assert found.strength > 0
    assert found.gain_db.low is not None
    assert found.gain_db.low > 0
    assert found.stems_db["vocals"] > 0.5
    (tmp_path / "gains.json").write_text(found.to_json())
    table = read_calibration(tmp_path / "gains.json").table_db
    shares = CalibratedMasker(EqualShares(), table).shares(torch.zeros(2, 2049, 1, 2))
    assert float(shares[0, 0, 50, 0]) > 1 / 6 > float(shares[3, 0, 50, 0])
    torch.testing.assert_close(shares.sum(0), torch.ones(1, 2049, 1))


def test_corrections_that_do_not_help_change_nothing(tmp_path: Path) -> None:
    masker = Leaning(1.0)
    found = calibrate(with_votes(tmp_path, "cut"), masker, songs(masker))
    assert found.strength == 0.0
    assert not found.table_db.any()
    with pytest.raises(InputError, match="at least 4"):
        calibrate(tmp_path / "set", masker, songs(masker, 3))


def test_the_whole_turn_from_the_seeds_command_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.jsonl").write_text("".join(one.to_json() + "\n" for one in population(40)) + "{}\n")
    options = [
        "--snapshotDir",
        str(raw),
        "--outputDir",
        str(tmp_path),
        "--runLabel",
        "v1",
        "--trainRatio",
        "0.8",
    ]
    with pytest.raises(SystemExit) as left:
        main(["stems", "run", *options, "--recipe", "smoke", "--json"])
    assert left.value.code == 2  # one line was no snapshot; the others went all the way
    told = json.loads(capfd.readouterr().out)
    assert told["sanitized"]["quarantined"] == 1
    assert told["contest"]["champion"].startswith("the mean")
    assert (tmp_path / "v1" / "evaluation" / "report.html").is_file()


def test_the_verbs_one_by_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "raw.jsonl").write_text("".join(one.to_json() + "\n" for one in population(30)))
    clean, folder = str(tmp_path / "clean.jsonl"), str(tmp_path / "v1")
    for words, status in (
        (["sanitize", "--input", str(tmp_path / "raw.jsonl"), "--output", clean], 0),
        (["sanitize", "--input", str(tmp_path / "raw.jsonl"), "--output", clean], 2),
        (
            [
                "dataset",
                "--input",
                clean,
                "--outputDir",
                str(tmp_path),
                "--runLabel",
                "v1",
                "--trainRatio",
                "0.8",
            ],
            0,
        ),
        (["dataset", "--input", clean, "--outputDir", str(tmp_path), "--runLabel", "../v1"], 2),
        (
            [
                "train",
                "--datasetDir",
                folder,
                "--outputDir",
                f"{folder}/model",
                "--recipe",
                "smoke",
                "--epochs",
                "1",
                "--batchSize",
                "16",
                "--learningRate",
                "0.001",
            ],
            0,
        ),
        (["train", str(tmp_path / "nowhere"), "-o", f"{folder}/other"], 2),
    ):
        with pytest.raises(SystemExit) as left:
            main(["stems", *words])
        assert left.value.code == status, capfd.readouterr().err
    assert (tmp_path / "v1" / "model" / FILE).is_file()


def test_a_small_transformer_takes_any_layout() -> None:
    widths = {"energy": 1, "stereo": 37, "context": 17}
    model = StemTransformer(TransformerRecipe(blocks=1, heads=2, width=8, feed_forward=8), widths, 5)
    assert model(torch.zeros(2, 55)).shape == (2, 6, 5)
