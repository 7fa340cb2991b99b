"""The transformer of the flywheel: what is known of a mix in, a vector for each of six stems out.

Neighbouring numbers of a family are a token; six learned tokens, one a stem, look at them and at each other through
encoder blocks (pre-norm, Vaswani et al. 2017, Xiong et al. 2020), and a head a stem reads its vector from its token.
A head tells the difference from the mean of the training set, so an untrained model is that mean.

The seed of this project calls its activation "quantum-inspired". Here is what it is: a gated linear unit (Dauphin et
al. 2017) whose gate is cos^2 of a learned phase, as a probability is the square of an amplitude. Nothing is quantum
about the rest, and no measurement of ours says that it is better than the sigmoid gate (docs/stems.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.flywheel.recipe import TransformerRecipe


class PhaseGate(nn.Module):
    """Amplitude times cos^2 of a phase, both linear in the input. Shape: (..., i) -> (..., o).

    >>> gate = PhaseGate(3, 5)
    >>> tuple(gate(torch.zeros(2, 3)).shape)
    (2, 5)
    """

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.amplitude = nn.Linear(width_in, width_out)
        self.phase = nn.Linear(width_in, width_out)

    def forward(self, x: Tensor) -> Tensor:
        amplitude: Tensor = self.amplitude(x)
        return amplitude * torch.cos(self.phase(x)) ** 2


class Block(nn.Module):
    """Attention, then a gated layer, each added to what came in. Shape: (n, tokens, width) -> the same."""

    def __init__(self, recipe: TransformerRecipe) -> None:
        super().__init__()
        self.heads = recipe.heads
        self.attention_norm = nn.LayerNorm(recipe.width)
        self.queries_keys_values = nn.Linear(recipe.width, 3 * recipe.width)
        self.attended = nn.Linear(recipe.width, recipe.width)
        self.layer_norm = nn.LayerNorm(recipe.width)
        self.gate = PhaseGate(recipe.width, recipe.feed_forward)
        self.back = nn.Linear(recipe.feed_forward, recipe.width)
        self.dropout = nn.Dropout(recipe.dropout)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.queries_keys_values(self.attention_norm(x)).chunk(3, -1)
        )
        seen = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2)
        y: Tensor = x + self.dropout(self.attended(seen))
        z: Tensor = y + self.dropout(self.back(self.gate(self.layer_norm(y))))
        return z


class StemTransformer(nn.Module):
    """Inputs (n, numbers) -> (n, 6, width of a stem's vector).

    `widths` says how many numbers each family has, in the order of the inputs.

    >>> model = StemTransformer(TransformerRecipe(blocks=1, heads=2, width=8, feed_forward=16), {"energy": 20}, 64)
    >>> tuple(model(torch.zeros(3, 20)).shape)
    (3, 6, 64)
    """

    input_mean: Tensor
    input_scale: Tensor
    target_mean: Tensor

    def __init__(self, recipe: TransformerRecipe, widths: Mapping[str, int], target_width: int) -> None:
        super().__init__()
        total = sum(widths.values())
        self.spans = [
            (start, min(start + recipe.token, offset + count))
            for offset, count in _offsets(widths)
            for start in range(offset, offset + count, recipe.token)
        ]
        self.register_buffer("input_mean", torch.zeros(total))
        self.register_buffer("input_scale", torch.ones(total))
        self.register_buffer("target_mean", torch.zeros(len(STEMS), target_width))
        self.tokens = nn.ModuleList(nn.Linear(end - start, recipe.width) for start, end in self.spans)
        self.stems = nn.Parameter(torch.randn(len(STEMS), recipe.width) * 0.02)
        self.blocks = nn.ModuleList(Block(recipe) for _ in range(recipe.blocks))
        self.norm = nn.LayerNorm(recipe.width)
        self.stem_heads = nn.ModuleDict({stem: nn.Linear(recipe.width, target_width) for stem in STEMS})
        for head in self.stem_heads.values():
            nn.init.zeros_(head.weight)  # type: ignore[arg-type]
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]

    def forward(self, inputs: Tensor) -> Tensor:
        # Numbers that training never saw move a prediction by a bounded amount.
        x = ((inputs - self.input_mean) / self.input_scale).clamp(-8, 8)
        told = [layer(x[:, first:end]) for layer, (first, end) in zip(self.tokens, self.spans, strict=True)]
        y = torch.cat([self.stems.expand(len(x), -1, -1), torch.stack(told, 1)], 1)
        for block in self.blocks:
            y = block(y)
        y = self.norm(y[:, : len(STEMS)])
        heads = [head(y[:, place]) for place, head in enumerate(self.stem_heads.values())]
        return self.target_mean + torch.stack(heads, 1)


def _offsets(widths: Mapping[str, int]) -> list[tuple[int, int]]:
    found, offset = [], 0
    for count in widths.values():
        found.append((offset, count))
        offset += count
    return found
