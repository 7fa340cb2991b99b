"""Heads: the loss of the field, PCA of scikit-learn, and a comparison that is not fooled by chance or by artists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.systems.similar import fit_head
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.backbones.head import Headed, made_for, save_head
from tonewheel.systems.similar.fit_head import choose, head_of
from tonewheel.systems.similar.heads import (
    HEAD_FIT,
    Collection,
    Trial,
    compare,
    fit_pca,
    folds_by_group,
    project,
    shuffled,
    train_head,
)
from tonewheel.systems.similar.loss import semi_hard_triplet
from tonewheel.systems.similar.recipe import HeadRecipe, SimilarRecipe

SMALL = HeadRecipe(hidden=32, size=16)
SHORT = HEAD_FIT.model_copy(update={"max_steps": 40, "warm_up_steps": 5, "learning_rate": 3e-3})


def collection(seed: int = 0, labels: int = 4, artists: int = 8, each: int = 3) -> Collection:
    """Styles lie in a few directions; the artist, the track and the view in many louder ones."""
    rng = np.random.default_rng(seed)
    style, artist = rng.normal(size=(labels, 40)), rng.normal(size=(labels, artists, 40))
    style[:, 8:], artist[:, :, :8] = 0, 0
    rows, names, by = [], [], []
    for i in range(labels):
        for j in range(artists):
            for _ in range(each):
                track = style[i] + 2.0 * artist[i, j] + 0.8 * rng.normal(size=40)
                views = track + 0.3 * rng.normal(size=(3, 40))
                rows.append(views / np.linalg.norm(views, axis=1, keepdims=True))
                names.append(f"style {i}")
                by.append(f"{i} {j}")
    return Collection(np.array(rows, np.float32), names, by)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("margin", [0.1, 0.3])
def test_the_loss_is_that_of_pytorch_metric_learning(seed: int, margin: float) -> None:
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import TripletMarginMiner

    torch.manual_seed(seed)
    z = torch.randn(24, 6, requires_grad=True)
    labels = torch.randint(0, 5, (24,))
    mined = TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=CosineSimilarity())(
        z, labels
    )
    expected = TripletMarginLoss(margin=margin, distance=CosineSimilarity())(z, labels, mined)
    found = semi_hard_triplet(z, labels, margin)
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)
    (gradient,) = torch.autograd.grad(found, z)
    (wanted,) = torch.autograd.grad(expected, z)
    assert torch.allclose(gradient, wanted, atol=1e-6)


def test_without_strangers_there_is_no_loss_and_no_nan() -> None:
    z = torch.randn(4, 3, requires_grad=True)
    loss = semi_hard_triplet(z, torch.zeros(4, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()


def test_pca_is_that_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    rows = collection().vectors[:, 0]
    ours, theirs = fit_pca(rows, 5)(rows), PCA(5).fit_transform(rows.astype(np.float64))
    assert np.abs(np.abs(ours) - np.abs(theirs)).max() < 1e-4


def test_a_head_finds_styles_that_the_raw_vector_hides() -> None:
    trials = {trial.method: trial for trial in compare(collection(), SMALL, SHORT, folds=3, seeds=1)}
    assert trials["triplet"].precision > trials["raw"].precision + 0.05
    assert trials["supcon"].precision > trials["raw"].precision + 0.05
    assert trials["raw"].deviation == 0


def test_labels_without_meaning_are_not_found() -> None:
    real = collection()
    chance = Collection(real.vectors, shuffled(real.labels, 1), real.artists)
    trials = {t.method: t for t in compare(chance, SMALL, SHORT, folds=3, seeds=1)}
    # Learned by heart, and no better than chance on others: exactly what the gap is for.
    assert trials["triplet"].precision < 0.4
    assert choose(list(trials.values())) == "pca"


def test_artists_are_never_on_both_sides() -> None:
    artists = collection().artists
    fold = folds_by_group(artists, 4)
    assert {len(set(fold[[a == name for a in artists]])) for name in set(artists)} == {1}
    assert np.bincount(fold).max() - np.bincount(fold).min() <= 3


def test_the_same_head_twice_is_equal_bit_for_bit() -> None:
    first, second = (train_head(collection(), SMALL, SHORT) for _ in range(2))
    rows = collection().vectors[:, 0]
    assert np.array_equal(project(first, rows), project(second, rows))


def test_one_label_is_not_enough() -> None:
    one = collection(labels=1)
    with pytest.raises(InputError, match="needs two"):
        train_head(one, SMALL, SHORT)


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (collection(labels=1), "nothing to tell apart"),
        (collection(labels=3, artists=1), "of 3 artists; 4 are"),
    ],
)
def test_a_collection_that_cannot_tell_is_refused(
    known: Collection, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_head, "collect", lambda *_, **__: known)
    with pytest.raises(InputError, match=says):
        fit_head.fit_head(tmp_path, tmp_path / "head.safetensors", Hand(), SimilarRecipe())
    assert list(tmp_path.iterdir()) == []


def test_a_head_must_be_worth_it() -> None:
    pca = Trial(method="pca", precision=0.60, deviation=0.0, heard=0.6)
    assert choose([Trial(method="supcon", precision=0.62, deviation=0.0, heard=0.63), pca]) == "pca"
    assert choose([Trial(method="raw", precision=0.90, deviation=0.0, heard=0.9), pca]) == "pca"


@pytest.mark.parametrize("method", ["pca", "supcon"])
def test_a_head_is_read_back_and_refuses_another_backbone(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_head, "HEAD_FIT", SHORT.model_copy(update={"max_steps": 4, "warm_up_steps": 1}))
    hand = Hand()
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(12, 1, hand.size)).astype(np.float32)
    known = Collection(rows, ["a", "b"] * 6, [str(i) for i in range(12)])
    head, recipe = head_of(known, method, SMALL.model_copy(update={"hidden": 8}))
    path = tmp_path / "head.safetensors"
    save_head(path, hand, head, recipe, {"labels": ["a", "b"]})
    headed = Headed.load(path, hand)
    frames = hand.embed(rng.normal(size=8 * 16_000), 16_000)
    vector = headed.pool(frames)
    assert made_for(path) == "hand"
    assert vector.shape == (headed.size,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert headed.fingerprint != hand.fingerprint

    class Other(Hand):
        def __init__(self) -> None:
            super().__init__()
            self.fingerprint = "0" * 64

    with pytest.raises(ModelMismatchError, match="on another backbone"):
        Headed.load(path, Other())
