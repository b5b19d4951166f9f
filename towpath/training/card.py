"""card.md: the model card, made from measured results and nothing else."""

from towpath.core.contract import Contract, Field
from towpath.core.evaluation import Evaluation, GroupRates, Metric
from towpath.core.lineage import DataLineage
from towpath.core.settings import Settings

GENERATED = "**Trained on generated rows.** The real data was not there; these numbers say nothing about real ones.\n"


def write_card(
    contract: Contract,
    settings: Settings,
    data: DataLineage,
    evaluation: Evaluation,
    estimator: str,
    importances: dict[str, float],
) -> str:
    """Markdown: what the model is for, what it learnt from, how good it is and how that was found out."""
    return "\n".join(
        [
            f"# {contract.title or contract.service}",
            "",
            *([contract.description, ""] if contract.description else []),
            *([GENERATED] if data.origin == "generated" else []),
            *_model(contract, settings, estimator),
            *_data(data),
            *_quality(evaluation),
            *_metrics(evaluation),
            *_intervals(evaluation),
            *_baseline(evaluation),
            *_calibration(evaluation),
            *_folds(evaluation),
            *_backtest(evaluation),
            *_slices(evaluation),
            *_fairness(evaluation),
            *_limits(evaluation),
            *_gates(evaluation),
            *_proof(evaluation),
            *_importances(importances),
            *_inputs(contract),
        ]
    )


def _model(contract: Contract, settings: Settings, estimator: str) -> list[str]:
    task = contract.task
    lines = ["## Model", "", f"- predicts `{task.target}` ({task.kind})", f"- estimator: `{estimator}`"]
    if task.classes:
        lines.append(f"- classes: {', '.join(task.classes)}")
    if task.kind == "binary":
        lines.append(
            f"- decides {task.positive} from probability {settings.threshold:.4f} on, chosen on training rows only"
        )
    return [*lines, ""]


def _data(data: DataLineage) -> list[str]:
    sides = f"{data.split.train_rows} for training, {data.split.test_rows} for testing"
    lines = ["## Data", "", f"- {data.counted()} {data.origin} rows: {sides}"]
    lines += [f"- kept: {one.keeps}; {one.drops} rows are not" for one in data.filters]
    lines.append(f"- split: {data.split.kind}, seed {data.split.seed}, {data.split.test:.0%} held out")
    lines += [f"- `{source.name}`, {source.size} bytes, sha256 `{source.sha256}`" for source in data.sources]
    return [*lines, ""]


def _metrics(evaluation: Evaluation) -> list[str]:
    lines = [
        f"## Measured on {evaluation.rows} held-out rows",
        "",
        "| metric | value | 95 % interval |",
        "|---|---|---|",
    ]
    lines += [
        f"| {metric.name}{f', {metric.unit}' if metric.unit else ''} | {metric.value:.4f} "
        f"| {metric.low:.4f} to {metric.high:.4f} |"
        for metric in evaluation.metrics
    ]
    lines += [f"| {name} | not defined on these rows | |" for name in evaluation.undefined]
    return [*lines, ""]


def _intervals(evaluation: Evaluation) -> list[str]:
    if not evaluation.intervals:
        return []
    lines = ["## Prediction intervals", ""]
    for one in evaluation.intervals:
        lines.append(
            f"- promised to hold {one.level:.1%}: held {one.covered:.1%} of {one.rows} held-out rows "
            f"({one.low:.1%} to {one.high:.1%}); half of them are narrower than {one.width:.6g}"
        )
    return [*lines, ""]


def _quality(evaluation: Evaluation) -> list[str]:
    quality = evaluation.data_quality
    if not quality.warnings:
        return []
    return ["## Data quality", "", *(f"- warning: {one}" for one in quality.warnings), ""]


def _baseline(evaluation: Evaluation) -> list[str]:
    if not evaluation.baseline or not evaluation.baseline.deltas:
        return []
    lines = [
        "## Against a model without features",
        "",
        f"It says the {evaluation.baseline.kind} of the training rows.",
        "",
    ]
    lines += ["| metric | without features | difference | 95 % interval |", "|---|---|---|---|"]
    lines += [
        f"| {one.name} | {one.other:.4f} | {one.delta:+.4f} | {one.low:+.4f} to {one.high:+.4f} |"
        for one in evaluation.baseline.deltas
    ]
    return [*lines, ""]


def _calibration(evaluation: Evaluation) -> list[str]:
    """How far what is said lies from what happens, bin by bin."""
    if not evaluation.calibration:
        return []
    lines = ["## Calibration", "", "| rows | said | happened | 95 % interval |", "|---|---|---|---|"]
    lines += [
        f"| {one.rows} | {one.said:.4f} | {one.happened:.4f} | {one.low:.4f} to {one.high:.4f} |"
        for one in evaluation.calibration
    ]
    return [*lines, ""]


def _folds(evaluation: Evaluation) -> list[str]:
    """The threshold was chosen on the same folds, so what depends on it is a little too good here."""
    if not evaluation.cross_validation:
        return []
    lines = ["## Cross-validated on the training rows", "", "| metric | mean | standard deviation |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.mean:.4f} | {one.sd:.4f} |" for one in evaluation.cross_validation]
    return [*lines, ""]


def _backtest(evaluation: Evaluation) -> list[str]:
    found = evaluation.backtest
    if not found:
        return []
    lines = [
        "## On later rows",
        "",
        f"Fitted again on the {found.train_rows} rows with {found.field} up to {found.train_to:g}, measured on the "
        f"{found.test_rows} from {found.cut:g} on; no row is on both sides.",
        "",
        "| metric | value | 95 % interval |",
        "|---|---|---|",
    ]
    lines += [f"| {one.name} | {one.value:.4f} | {one.low:.4f} to {one.high:.4f} |" for one in found.metrics]
    lines += [
        f"| {one.name}, over {len(one.folds)} origins | {one.mean:.4f} | ± {one.sd:.4f} |" for one in found.origins
    ]
    return [*lines, ""]


def _fairness(evaluation: Evaluation) -> list[str]:
    lines = []
    for found in evaluation.fairness:
        lines += [f"## Fairness by {found.field}", ""]
        if found.impact:
            lines.append(f"- impact {_interval(found.impact)}: least selected over most selected, {found.reference}")
        if found.gap:
            lines.append(f"- recall gap {_interval(found.gap)}")
        if found.small:
            lines.append(f"- too few rows to judge: {', '.join(found.small)}")
        lines += ["", "| group | rows | decided positive | impact | recall | false positives | precision |"]
        lines.append("|---|---|---|---|---|---|---|")
        lines += [f"| {one.group} | {one.rows} | {_rates(one)} |" for one in found.groups]
        lines.append("")
    return lines


def _rates(one: GroupRates) -> str:
    rates = (one.selected, one.impact, one.recall, one.false_positives, one.precision)
    return " | ".join("" if rate is None else f"{rate:.4f}" for rate in rates)


def _interval(metric: Metric) -> str:
    return f"{metric.value:.4f} ({metric.low:.4f} to {metric.high:.4f})"


def _limits(evaluation: Evaluation) -> list[str]:
    """Where not to trust it as much as the metrics say."""
    found = evaluation.segments
    if not found or not found.worst:
        return []
    kind = "mean absolute error" if found.error == "mae" else "share of wrong decisions"
    lines = [
        "## Errors by group",
        "",
        f"The {kind} is {found.overall:.4f} over all rows. Of {found.looked_at} groups these come first; "
        f"{len(found.above)} of them surely err more than all rows do:",
    ]
    lines += ["", "| group | rows | error | 95 % interval | surely more |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.field}: {one.group} | {one.rows} | {one.error:.4f} | {one.low:.4f} to {one.high:.4f} "
        f"| {'yes' if one.above else ''} |"
        for one in found.worst
    ]
    return [*lines, ""]


def _slices(evaluation: Evaluation) -> list[str]:
    if not evaluation.slices:
        return []
    lines = [
        "## By group",
        "",
        "| field | group | metric | value | 95 % interval | rows |",
        "|---|---|---|---|---|---|",
    ]
    for one in evaluation.slices:
        measured = "not defined | |"
        if metric := one.metric:
            measured = f"{metric.value:.4f} | {metric.low:.4f} to {metric.high:.4f} | {metric.rows}"
        lines.append(f"| {one.field} | {one.group} | {one.name} | {measured} |")
    return [*lines, ""]


def _gates(evaluation: Evaluation) -> list[str]:
    if not evaluation.gates:
        return []
    return ["## Gates", "", *(f"- {gate.verdict}: {gate.gate} ({gate.reason})" for gate in evaluation.gates), ""]


def _proof(evaluation: Evaluation) -> list[str]:
    parity = evaluation.parity
    lines = ["## Served is what was measured", ""]
    lines.append(f"- compared with scikit-learn on {parity.rows} rows: the compiled model is within {parity.worst:.0e}")
    lines.append(f"- allowed is {parity.tolerance:.0e}; decisions that differ: {parity.flips}")
    if evaluation.additivity is not None:
        lines.append(f"- contributions add up to the score within {evaluation.additivity:.0e}")
    return [*lines, ""]


def _importances(importances: dict[str, float]) -> list[str]:
    if not importances:
        return []
    lines = ["## What matters", "", "| feature | mean absolute contribution |", "|---|---|"]
    return [*lines, *(f"| {name} | {value:.4f} |" for name, value in importances.items()), ""]


def _inputs(contract: Contract) -> list[str]:
    return [
        "## Record",
        "",
        "| field | type | may be |",
        "|---|---|---|",
        *(_input(field) for field in contract.record),
        "",
    ]


def _input(field: Field) -> str:
    limits = [f"{keyword} {limit:g}" for keyword, limit in field.bounds().items()]
    limits += [", ".join(map(str, field.choices))] if field.choices else []
    limits += ["missing"] if field.nullable else []
    kind = f"vector of {', '.join(field.names)}" if field.names else field.type
    return f"| {field.name} | {kind}{'' if field.role == 'feature' else ', ' + field.role} | {'; '.join(limits)} |"
