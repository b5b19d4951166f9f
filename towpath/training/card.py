"""card.md: the model card, made from measured results and nothing else."""

from towpath.core.contract import Contract, Field
from towpath.core.evaluation import Evaluation
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
            *_metrics(evaluation),
            *_slices(evaluation),
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
    lines = [
        "## Data",
        "",
        f"- {data.rows} {data.origin} rows: {data.split.train_rows} for training, {data.split.test_rows} for testing",
    ]
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
        f"| {metric.name} | {metric.value:.4f} | {metric.low:.4f} to {metric.high:.4f} |"
        for metric in evaluation.metrics
    ]
    lines += [f"| {name} | not defined on these rows | |" for name in evaluation.undefined]
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
