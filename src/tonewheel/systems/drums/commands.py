"""The verbs of `tonewheel drums`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

from tonewheel.core.verbs import verbs
from tonewheel.systems.drums.verbs import check, collect, hits, manifest, mine, model, transcribe

app = verbs("Which drum was struck when, and how hard.")

app.command()(model.prepare)
app.add_typer(check.app, name="check")
app.command()(model.train)
app.command()(model.evaluate)
app.command()(transcribe.transcribe)
app.command()(hits.classify)
app.add_typer(collect.app, name="collect")
app.add_typer(manifest.app, name="manifest")
app.command()(mine.mine)
