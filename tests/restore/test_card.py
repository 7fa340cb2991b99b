"""The card of both weights files: it names them by their hash, says what they learned from, and where they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tonewheel.core.files import sha256
from tonewheel.learn.checkpoint import save_model
from tonewheel.systems.restore.card import card


def facts(**data: Any) -> dict[str, Any]:
    return {
        "data": {"hours": 2.5, "synthesised": 3, **data},
        "run": {"steps": 100, "best_step": 80, "best_score": 0.25},
        "versions": {"torch": "2", "tonewheel": "0"},
    }


def test_it_holds_hashes_sizes_sources_and_scores(tmp_path: Path) -> None:
    clicks, hiss = tmp_path / "clicks.safetensors", tmp_path / "hiss.safetensors"
    save_model(clicks, {"a": torch.zeros(10)}, {"kind": "x", **facts(sources=["Song, Someone: CC0"])})
    save_model(hiss, {"a": torch.zeros(20)}, {"kind": "y", **facts(sounds=["Other, Someone: CC BY 4.0"])})
    text = card(clicks, hiss, "| a table |")
    for said in (
        sha256(clicks),
        sha256(hiss),
        "- Song, Someone: CC0",
        "- Other, Someone: CC BY 4.0",
        "| a table |",
    ):
        assert said in text
    assert "best at 80 (validation 0.2500)" in text
    assert "## Limits" in text
    assert "## Scores" not in card(clicks, hiss)
