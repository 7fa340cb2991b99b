"""Contrastive losses against plain loops, and against pytorch-metric-learning where it computes the same."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tonewheel.learn.losses import ntxent, supcon

TEMPERATURE = 0.1


def embeddings(count: int, seed: int) -> Tensor:
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def slow_ntxent(z_a: Tensor, z_b: Tensor, labels: list[int], temperature: float) -> float:
    rows, names = [*z_a, *z_b], labels * 2
    total = 0.0
    for i in range(len(rows)):
        partner = (i + len(labels)) % len(rows)
        others = [j for j in range(len(rows)) if j == partner or names[j] != names[i]]
        powers = [math.exp(cosine(rows[i], rows[j]) / temperature) for j in others]
        total -= math.log(math.exp(cosine(rows[i], rows[partner]) / temperature) / sum(powers))
    return total / len(rows)


def slow_supcon(z: Tensor, labels: list[int], temperature: float) -> float:
    terms = []
    for i in range(len(z)):
        positives = [j for j in range(len(z)) if j != i and labels[j] == labels[i]]
        if not positives:
            continue
        below = sum(math.exp(cosine(z[i], z[j]) / temperature) for j in range(len(z)) if j != i)
        terms.append(
            -sum(math.log(math.exp(cosine(z[i], z[j]) / temperature) / below) for j in positives)
            / len(positives)
        )
    return sum(terms) / len(terms) if terms else 0.0


@pytest.mark.parametrize("labels", [[0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 1, 2], [7, 7, 7, 7, 7, 7]])
def test_ntxent_is_what_a_loop_says(labels: list[int]) -> None:
    z_a, z_b = embeddings(6, 1), embeddings(6, 2)
    expected = slow_ntxent(z_a, z_b, labels, TEMPERATURE)
    assert ntxent(z_a, z_b, torch.tensor(labels), TEMPERATURE).item() == pytest.approx(expected, abs=1e-10)


def test_ntxent_without_labels_takes_every_row_for_a_song_of_its_own() -> None:
    z_a, z_b = embeddings(6, 1), embeddings(6, 2)
    assert torch.equal(ntxent(z_a, z_b), ntxent(z_a, z_b, torch.arange(6)))


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 1, 2], [0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1, 1]])
def test_supcon_is_what_a_loop_says(labels: list[int]) -> None:
    z = embeddings(6, 3)
    expected = slow_supcon(z, labels, TEMPERATURE)
    assert supcon(z, torch.tensor(labels), TEMPERATURE).item() == pytest.approx(expected, abs=1e-10)


def test_both_agree_with_pytorch_metric_learning() -> None:
    from pytorch_metric_learning.losses import NTXentLoss, SupConLoss

    z_a, z_b = embeddings(6, 1).float(), embeddings(6, 2).float()
    both, names = torch.cat([z_a, z_b]), torch.arange(6).repeat(2)
    theirs = NTXentLoss(temperature=TEMPERATURE)(both, names)
    assert ntxent(z_a, z_b, temperature=TEMPERATURE).item() == pytest.approx(theirs.item(), abs=1e-5)
    # Theirs averages over rows with a positive too, so that a row alone in its class must not matter.
    names[0] = 99
    theirs = SupConLoss(temperature=TEMPERATURE)(both, names)
    assert supcon(both, names, TEMPERATURE).item() == pytest.approx(theirs.item(), abs=1e-5)


def test_rows_of_the_same_song_are_not_pushed_apart() -> None:
    z_a, z_b = embeddings(4, 5), embeddings(4, 6)
    # Two places of one song alone: there is nothing to tell apart.
    alone = ntxent(z_a[:2], z_b[:2], torch.tensor([0, 0]), TEMPERATURE)
    assert alone.item() == pytest.approx(0.0, abs=1e-12)
    with_labels = ntxent(z_a, z_b, torch.tensor([0, 0, 1, 1]), TEMPERATURE)
    assert with_labels.item() < ntxent(z_a, z_b, temperature=TEMPERATURE).item()


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_gradients_stay_finite_where_nothing_is_left_to_compare(labels: list[int]) -> None:
    z = embeddings(4, 7).requires_grad_()
    (supcon(z, torch.tensor(labels)) + ntxent(z, z.detach().roll(1, 0), torch.tensor(labels))).backward()
    assert z.grad is not None
    assert bool(torch.isfinite(z.grad).all())


def test_half_precision_is_computed_in_single() -> None:
    z = embeddings(6, 1).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = supcon(z, torch.tensor([0, 0, 1, 1, 2, 2]))
    assert loss.dtype == torch.float32
    assert torch.equal(loss, supcon(z.float(), torch.tensor([0, 0, 1, 1, 2, 2])))


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="one shape"):
        ntxent(torch.zeros(3, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"\(3,\)"):
        supcon(torch.zeros(3, 2), torch.zeros(2))
