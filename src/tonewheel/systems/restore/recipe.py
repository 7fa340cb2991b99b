"""Settings of a restore run: the click detector and the denoiser, each with its own data, net and fit."""

from __future__ import annotations

from tonewheel.learn.recipe import Recipe
from tonewheel.systems.restore.clicks.recipe import ClicksRecipe
from tonewheel.systems.restore.hiss.recipe import HissRecipe


class RestoreRecipe(Recipe):
    """Everything that decides both nets; each part is saved beside its checkpoint."""

    clicks: ClicksRecipe = ClicksRecipe()
    hiss: HissRecipe = HissRecipe()
