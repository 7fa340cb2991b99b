"""The verbs of `tonewheel drums check`.

Exit status: a check of one kind reports, and exits with 1 for a gate that failed or a line that was left out
only with `--strict`; so it can be read while a data set is still being made. `health` and `all` hold what was
asked for: they exit with 1 when a gate failed, and with `--strict` also for lines that were left out. What
cannot be read at all is 2.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonewheel.core.console import emit, say
from tonewheel.systems.drums.verbs.left_out import tell_left_out

if TYPE_CHECKING:
    from tonewheel.gates.report import Report
    from tonewheel.systems.drums.checks.checked import Checked

app = typer.Typer(
    help="Gates before a release: alignment, boundaries, unknowns, intervals, health, labels, duplicates.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Report: .json, with .html beside it.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit 1 when a gate failed or a line was left out; else only tell.")
]
Truth = Annotated[Path, typer.Option("--ground-truth", help="The truth: labels or components, JSONL.")]
Predictions = Annotated[Path, typer.Option("--predictions", help="What a model said, JSONL.")]
Fold = Annotated[
    int | None, typer.Option(help="Fold labels to 3, 5, 8 or 12 classes before they are compared.")
]
Threshold = Annotated[float, typer.Option(min=0, max=1, help="Score from which a label counts as found.")]
TopK = Annotated[int | None, typer.Option(min=1, help="Take so many highest scores instead of a threshold.")]


@app.command()
def alignment(
    manifest: Annotated[
        Path, typer.Option("--manifest", help="Session: its microphones and their files, JSON.")
    ],
    report: ReportFile = None,
    strict: Strict = False,
    max_delay_ms: Annotated[float, typer.Option(min=0, help="Largest median delay of a pair.")] = 0.25,
    max_drift: Annotated[float, typer.Option(min=0, help="Largest drift of a pair, samples a minute.")] = 1.0,
    min_onsets: Annotated[int, typer.Option(min=2, help="Transients that both must have heard.")] = 20,
    search_ms: Annotated[float, typer.Option(min=0.1, max=100, help="Delays looked for, either way.")] = 5.0,
    fail_inverted: Annotated[
        bool, typer.Option("--fail-inverted", help="Inverted polarity fails a pair instead of being noted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Whether the microphones of a session hear its transients at one time, to a fraction of a sample."""
    from tonewheel.gates.alignment import AlignmentGate
    from tonewheel.systems.drums.checks.checked import check_alignment

    gate = AlignmentGate(
        most_delay_ms=max_delay_ms,
        most_drift_samples_per_min=max_drift,
        least_onsets=min_onsets,
        search_ms=search_ms,
        inverted_fails=fail_inverted,
    )
    _finish(check_alignment(manifest, gate), report, as_json, strict)


@app.command()
def boundary(
    ground_truth: Truth,
    predictions: Predictions,
    report: ReportFile = None,
    strict: Strict = False,
    min_macro_recall: Annotated[float, typer.Option(min=0, max=1, help="Least macro recall.")] = 0.95,
    threshold: Threshold = 0.5,
    top_k: TopK = None,
    fold: Fold = None,
    as_json: Json = False,
) -> None:
    """Whether hits near the edges of streaming windows are found: macro recall."""
    from tonewheel.gates.boundary import BoundaryGate
    from tonewheel.systems.drums.checks.checked import check_answers

    gate = BoundaryGate(least_macro_recall=min_macro_recall, threshold=threshold, top_k=top_k)
    _finish(check_answers(ground_truth, predictions, gate, fold=fold), report, as_json, strict)


@app.command()
def openset(
    ground_truth: Annotated[Path, typer.Option("--ground-truth", help="Which examples are known, JSONL.")],
    predictions: Predictions,
    report: ReportFile = None,
    strict: Strict = False,
    min_auroc: Annotated[float, typer.Option(min=0, max=1, help="Least AUROC.")] = 0.90,
    max_fpr: Annotated[
        float, typer.Option(min=0, max=1, help="Most unknown examples accepted at 95 % of the known.")
    ] = 0.10,
    unknown_field: Annotated[
        str | None, typer.Option(help="Key of a prediction that says how unknown it is (higher = more).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Whether unknown sounds are told from known ones: AUROC, AUPRC, FPR at 95 % TPR, and which limit binds."""
    from tonewheel.gates.openset import OpenSetGate
    from tonewheel.systems.drums.checks.checked import check_answers

    gate = OpenSetGate(least_auroc=min_auroc, most_fpr=max_fpr)
    checked = check_answers(ground_truth, predictions, gate, unknown_field=unknown_field)
    _finish(checked, report, as_json, strict)


@app.command()
def bootstrap(
    ground_truth: Truth,
    predictions: Predictions,
    report: ReportFile = None,
    strict: Strict = False,
    iterations: Annotated[int, typer.Option(min=1, max=1_000_000, help="Resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples; it is in the report.")] = 0,
    by: Annotated[str, typer.Option(help="What is resampled: session, or sample.")] = "session",
    level: Annotated[float, typer.Option(help="Level of the interval.")] = 0.95,
    min_micro_f: Annotated[float | None, typer.Option(help="Least lower bound of micro F.")] = None,
    min_macro_f: Annotated[float | None, typer.Option(help="Least lower bound of macro F.")] = None,
    threshold: Threshold = 0.5,
    top_k: TopK = None,
    fold: Fold = None,
    as_json: Json = False,
) -> None:
    """Micro, macro and class F with intervals from resampled sessions."""
    from tonewheel.gates.bootstrap import BootstrapGate
    from tonewheel.systems.drums.checks.checked import check_answers

    if not 0 < level < 1:
        raise typer.BadParameter(f"must lie between 0 and 1, got {level:g}", param_hint="--level")
    gate = BootstrapGate.from_dict(
        {
            "resamples": iterations,
            "level": level,
            "seed": seed,
            "by": by,
            "threshold": threshold,
            "top_k": top_k,
            "least_micro_f": min_micro_f,
            "least_macro_f": min_macro_f,
        },
        where="bootstrap",
    )
    _finish(check_answers(ground_truth, predictions, gate, fold=fold), report, as_json, strict)


@app.command()
def labels(
    ground_truth: Truth,
    predictions: Annotated[
        Path,
        typer.Option("--predictions", help="Scores of a model that was trained on other examples, JSONL."),
    ],
    report: ReportFile = None,
    strict: Strict = False,
    max_share: Annotated[float, typer.Option(min=0, max=1, help="Most examples with suspect labels.")] = 0.05,
    fold: Fold = None,
    as_json: Json = False,
) -> None:
    """Labels that are probably wrong, the clearest first (confident learning)."""
    from tonewheel.gates.label_errors import LabelErrorsGate
    from tonewheel.systems.drums.checks.checked import check_answers

    gate = LabelErrorsGate(most_share=max_share)
    _finish(check_answers(ground_truth, predictions, gate, fold=fold), report, as_json, strict)


@app.command()
def duplicates(
    source: Annotated[Path, typer.Argument(help="A folder of clips, an index.csv, or events.jsonl.")],
    report: ReportFile = None,
    strict: Strict = False,
    max_share: Annotated[float, typer.Option(min=0, max=1, help="Most hits that may be copies.")] = 0.0,
    min_alike: Annotated[
        float, typer.Option(min=0, max=1, help="Correlation from which two hits are one.")
    ] = 0.9,
    as_json: Json = False,
) -> None:
    """Hits that are there twice in the audio, whatever their ids, levels and codecs."""
    from tonewheel.gates.hits import HitsGate
    from tonewheel.systems.drums.checks.checked import check_duplicates

    gate = HitsGate(least_alike=min_alike, most_share=max_share)
    _finish(check_duplicates(source, gate), report, as_json, strict)


@app.command()
def health(
    events: Annotated[
        list[Path], typer.Option("--events", help="Manifest of events; repeat for several.")
    ] = [],  # noqa: B006
    output: Annotated[
        Path | None, typer.Option("--output", "--report", help="Report: .json, with .html beside it.")
    ] = None,
    html_output: Annotated[Path | None, typer.Option(help="The page somewhere else.")] = None,
    components: Annotated[Path | None, typer.Option(help="Taxonomy of labels, JSON; default: ours.")] = None,
    dataset_metadata: Annotated[
        Path | None, typer.Option(help="metadata.json of a dataset, for durations by split and source.")
    ] = None,
    max_duplication_rate: Annotated[
        float | None, typer.Option(min=0, max=1, help="Most events whose id was there before, as a share.")
    ] = None,
    min_class_count: Annotated[int | None, typer.Option(min=0, help="Least count of every label.")] = None,
    min_counts_json: Annotated[Path | None, typer.Option(help="Least counts by label, JSON.")] = None,
    max_unknown_labels: Annotated[
        int | None, typer.Option(min=0, help="Most components with an unknown label.")
    ] = None,
    require_label: Annotated[list[str], typer.Option(help="A label that must occur; repeat.")] = [],  # noqa: B006
    require_labels_file: Annotated[Path | None, typer.Option(help="Such labels, one a line.")] = None,
    require_technique: Annotated[list[str], typer.Option(help="A technique that must occur; repeat.")] = [],  # noqa: B006
    require_techniques_file: Annotated[Path | None, typer.Option(help="Such techniques, one a line.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="A blessed health report to compare with.")] = None,
    candidate: Annotated[
        Path | None, typer.Option(help="Compare this report with the baseline instead of measuring events.")
    ] = None,
    max_drop: Annotated[int, typer.Option(min=0, help="Most examples a label may lose.")] = 0,
    ignore_label: Annotated[list[str], typer.Option(help="A label not to compare; repeat.")] = [],  # noqa: B006
    json_output: Annotated[Path | None, typer.Option(help="The difference to the baseline, JSON.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for broken lines, too.")] = False,
    as_json: Json = False,
) -> None:
    """Coverage, duplicates, dynamics and openness of manifests, held to limits and to a baseline.

    Exit status 1 when a limit that was given is not kept.
    """
    from tonewheel.systems.drums.checks.checked import Checked
    from tonewheel.systems.drums.checks.health_options import HealthOptions, judge_health, write_extras

    def text(path: Path | None) -> str | None:
        return None if path is None else str(path)

    options = HealthOptions(
        events=tuple(map(str, events)),
        report=text(output),
        html_output=text(html_output),
        json_output=text(json_output),
        components=text(components),
        dataset_metadata=text(dataset_metadata),
        baseline=text(baseline),
        candidate=text(candidate),
        max_drop=max_drop,
        ignore_labels=tuple(ignore_label),
        max_duplication_rate=max_duplication_rate,
        min_class_count=min_class_count,
        min_counts_json=text(min_counts_json),
        max_unknown_labels=max_unknown_labels,
        require_labels=tuple(require_label),
        require_labels_file=text(require_labels_file),
        require_techniques=tuple(require_technique),
        require_techniques_file=text(require_techniques_file),
    )
    found = judge_health(options)
    for path in write_extras(found, options):
        say(f"written: {path}")
    _finish(Checked(found), output, as_json, strict, always=True)


@app.command("all")
def all_checks(
    inputs: Annotated[Path, typer.Option("--inputs", help="What to check: a YAML file, as checks.yaml.")],
    report: ReportFile = None,
    halt_on_first_failure: Annotated[
        bool, typer.Option("--halt-on-first-failure", help="Make no more checks once a gate has failed.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 for lines that were left out, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Every check of a YAML file, each with its report, and one report over all; exit 1 when a gate failed."""
    from tonewheel.systems.drums.checks.readiness import check_all, joined, read_inputs

    asked = read_inputs(inputs)
    done = []
    for one in check_all(asked, inputs.parent, halt=halt_on_first_failure):
        _tell(one.checked.report, as_json)
        if one.written:
            say(f"report: {one.written[0]} and {one.written[1]}")
        done.append(one)
    _finish(joined(done, asked), report, as_json, strict, always=True, told=True)


def _finish(
    checked: Checked,
    report: Path | None,
    as_json: bool,
    strict: bool,
    *,
    always: bool = False,
    told: bool = False,
) -> None:
    """Write, tell, and leave with the exit status; `always` fails for a gate without being strict."""
    found = checked.report
    written: Any = checked.write(report) if report is not None else ()
    if not told:
        _tell(found, as_json)
    if written:
        say(f"report: {written[0]} and {written[1]}")
    left_out = len(found.quarantined) + int(found.facts.get("broken lines set apart", 0))
    failed = not found.passed
    if failed and not (strict or always):
        say("a gate failed; --strict makes this the exit status")
    if (failed and (strict or always)) or (strict and left_out):
        raise typer.Exit(1)


def _tell(report: Report, as_json: bool) -> None:
    for verdict in report.verdicts:
        emit(verdict) if as_json else say(str(verdict))
    tell_left_out(report.quarantined, "the report")
