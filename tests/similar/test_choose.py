"""Which backbone a name or a file means, and that a wrong one is one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.systems.similar.backbones.encoder import KIND
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.backbones.head import save_head
from tonewheel.systems.similar.choose import backbone
from tonewheel.systems.similar.heads import fit_pca
from tonewheel.systems.similar.model import Encoder
from tonewheel.systems.similar.recipe import EncoderRecipe, HeadRecipe, SimilarRecipe


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    from tonewheel.learn.checkpoint import save_model

    recipe = SimilarRecipe(encoder=EncoderRecipe(channels=(4, 8), width=6, identity_size=4, style_size=4))
    torch.manual_seed(0)
    path = tmp_path / "mine.safetensors"
    save_model(path, Encoder(recipe.encoder, 64).state_dict(), {"kind": KIND, "recipe": recipe.to_dict()})
    return path


@pytest.fixture
def head(tmp_path: Path) -> Path:
    hand = Hand()
    rows = np.random.default_rng(0).normal(size=(9, hand.size)).astype(np.float32)
    save_head(tmp_path / "head.safetensors", hand, fit_pca(rows, 4), HeadRecipe(), {})
    return tmp_path / "head.safetensors"


def test_a_file_says_what_it_is(encoder: Path, head: Path) -> None:
    assert backbone(None, encoder).name == "encoder"
    assert backbone("encoder", encoder).size == 8
    assert backbone(None, head).name == "hand+pca"
    assert backbone("hand", head).size == 4


def test_name_and_file_must_agree(encoder: Path, head: Path) -> None:
    with pytest.raises(ModelMismatchError, match='for the backbone "hand", not for "encoder"'):
        backbone("encoder", head)
    with pytest.raises(ModelMismatchError, match='for the backbone "encoder", not for "openl3"'):
        backbone("openl3", encoder)


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match='did you mean "encoder"'):
        backbone("encodr")


def test_without_its_weights_openl3_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="tonewheel similar fetch"):
        backbone("openl3")
    (tmp_path / "weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="is no HDF5 file"):
        backbone("openl3", tmp_path / "weights.h5")
