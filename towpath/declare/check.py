"""All faults of a declaration at once, each with its path and a mend."""

import re
from collections.abc import Iterable, Iterator

from towpath.core import answer as item
from towpath.core.contract import Task
from towpath.core.errors import Faulty
from towpath.core.measures import NEEDS_DECISION, OF_A_CLASS, RANKING, REGRESSION, SHARES, Measure
from towpath.declare.gates import Champion, Fair, Limit, Slices
from towpath.declare.rules import rules_faults
from towpath.declare.service import Service, Threshold
from towpath.declare.tuning import space_fault

Fault = tuple[str, str]

NAME = re.compile(r"[a-z][a-z0-9-]{0,38}")
RESERVED = frozenset(
    {"health", "live", "ready", "metrics", "docs", "v2", "predict", "explain", "model_info", "openapi"}
)
"""A service is served under /{service}, where these are routes already."""
FREE_TEXT = 'is free text, which makes no groups; list its values: Literal["F", "M"], or name a field of few values'


def check_service(service: Service) -> None:
    """Raises Faulty with every fault of the declaration."""
    found = list(faults_of(service))
    if found:
        raise Faulty(f"the declaration of {service.name!r}", found, hint="docs/declare.md explains each part")


def faults_of(service: Service) -> Iterator[Fault]:
    """Every fault as (path, what is wrong and what to write instead)."""
    yield from (("name", fault) for fault in name_faults(service.name))
    yield from service.record_faults
    yield from service.feature_faults
    yield from _target_faults(service)
    yield from _answer_faults(service)
    yield from _style_faults(service)
    yield from _measure_faults(service)
    yield from rules_faults(service.rules, service.target.task.kind)
    yield from _evaluation_faults(service)
    yield from _data_faults(service)
    yield from _tune_faults(service)
    if service.builder is None:
        yield "build", "is missing; write a function under @service.build that returns a scikit-learn estimator"


def name_faults(name: str) -> Iterator[str]:
    """What is wrong with the name of a service."""
    if not NAME.fullmatch(name):
        yield f"is {name!r}; use 1 to 39 of a-z, 0-9 and '-', beginning with a letter"
    elif name in RESERVED:
        yield f"{name!r} is the name of a route; choose another"


def _target_faults(service: Service) -> Iterator[Fault]:
    task = service.target.task
    if task.kind != "regression" and len(set(task.classes)) != len(task.classes):
        yield "target.classes", f"are not different from each other: {', '.join(task.classes)}"
    if task.kind == "multiclass" and len(task.classes) < 2:
        yield "target.classes", f"has {len(task.classes)}; two at least are needed"
    if len(service.target.labels) != len(task.classes):
        yield (
            "target.labels",
            f"has {len(service.target.labels)} values for {len(task.classes)} classes; give one for each",
        )
    if any(field.name == task.target and field.role == "feature" for field in service.fields):
        yield (
            f"record.{task.target}",
            "is the target; a record that holds it leaves nothing to predict: remove the field",
        )


def _answer_faults(service: Service) -> Iterator[Fault]:
    if not service.answer:
        yield "answer", 'is empty; give at least one entry: {"prediction": class_index()}'
    for name, entry in service.answer.items():
        if fault := _item_fault(entry, service.target.task):
            yield f"answer.{name}", fault


def _item_fault(entry: item.Item, task: Task) -> str | None:
    of = getattr(entry, "of", None)
    if of is not None and of not in task.classes:
        classes = ", ".join(task.classes) or "none: this is a regression"
        return f"is about {of!r}, which is not a class; the classes are {classes}"
    if isinstance(entry, item.Value) and task.kind != "regression":
        return "is a value, but the target has classes; use probability(), decide() or class_name()"
    classy = item.ClassIndex | item.ClassName | item.Probabilities | item.Top
    if isinstance(entry, classy) and task.kind == "regression":
        return "is about classes, but the target is a number; use value()"
    if isinstance(entry, item.Interval):
        return _interval_fault(entry, task)
    space = "value" if task.kind == "regression" else "probability"
    if isinstance(entry, item.Contributions) and entry.space not in ("score", space):
        return f'is in {entry.space} space, which a {task.kind} target does not have; use "score" or "{space}"'
    if isinstance(entry, item.Band):
        return _band_fault(entry)
    if isinstance(entry, item.Decide) and task.kind != "binary":
        return "decides between two classes; of several use class_name() or class_index()"
    return None


def _interval_fault(entry: item.Interval, task: Task) -> str | None:
    if task.kind != "regression":
        return "is an interval, but the target has classes; use probability()"
    if not 0 < entry.level < 1:
        return f"has level {entry.level:g}; a share between 0 and 1 is meant, such as 0.9"
    return None


def _band_fault(entry: item.Band) -> str | None:
    uppers = [upper for _, upper in entry.edges]
    if not uppers or uppers != sorted(set(uppers)) or uppers[-1] != 1.0:
        return f"has upper edges {uppers}; they must rise and end at 1.0"
    return None


def _style_faults(service: Service) -> Iterator[Fault]:
    names = {field.name for field in service.fields}
    for name, _, _ in service.style.messages:
        if name not in names:
            yield (
                f"style.messages.{name}",
                f"is about a field the record does not have; it has {', '.join(sorted(names))}",
            )
    if not 1 <= service.style.batch.max <= 100_000:
        yield "style.batch.max", f"is {service.style.batch.max}; a batch takes 1 to 100000 records"
    if not any(isinstance(entry.item, item.Answers) for entry in service.style.batch.reply):
        yield "style.batch.reply", 'has no answers(); add one entry: {"predictions": answers()}'


def _measure_faults(service: Service) -> Iterator[Fault]:
    measured = {metric.name: metric for metric in service.metrics}
    if not measured:
        yield "metrics", "is empty; name at least one, such as auc() or rmse()"
    for metric in service.metrics:
        yield from _metric_faults(metric, service.target.task)
    yield from _twice(service.metrics)
    plain = {field.name for field in service.fields if not field.names}
    shares = {name for name, metric in measured.items() if metric.kind in SHARES}
    for number, gate in enumerate(service.gates):
        if isinstance(gate, Limit | Champion) and gate.metric not in measured:
            yield f"gates[{number}]", f"is about {gate.metric}, which is not measured; add it to metrics"
        if isinstance(gate, Slices | Fair) and gate.field not in plain:
            yield f"gates[{number}]", f"slices by {gate.field}, which is not a field of the record, or a vector"
        if isinstance(gate, Fair) and _is_free_text(service, gate.field):
            yield f"gates[{number}].{gate.field}", FREE_TEXT
        if isinstance(gate, Fair) and gate.max_gap is None and gate.min_impact is None:
            yield f"gates[{number}]", "bounds nothing; give max_gap=0.1, min_impact=0.8, or both"
        if isinstance(gate, Fair) and not all(0 <= (bound or 0) <= 1 for bound in (gate.max_gap, gate.min_impact)):
            yield f"gates[{number}]", f"asks for {gate}; gap and impact lie between 0 and 1"
        if isinstance(gate, Limit) and gate.metric in shares and not 0 <= _limit_of(gate) <= 1:
            yield f"gates[{number}]", f"asks for {gate}; {gate.metric} lies between 0 and 1"
    if isinstance(service.threshold, Threshold) and service.target.task.kind != "binary":
        yield "threshold", f"decides between two classes; a {service.target.task.kind} target has none: leave it out"
    elif isinstance(service.threshold, Threshold) and not _needs_decision(service, service.threshold.metric):
        yield (
            "threshold",
            f"{service.threshold.metric} does not depend on it; choose among {', '.join(sorted(NEEDS_DECISION))}",
        )
    if isinstance(service.threshold, float | int) and not 0 < service.threshold < 1:
        yield "threshold", f"is {service.threshold}; a probability between 0 and 1 is meant"


def _is_free_text(service: Service, name: str) -> bool:
    return any(field.name == name and field.type == "string" and not field.choices for field in service.fields)


def _limit_of(gate: Limit) -> float:
    return gate.at_least if gate.at_least is not None else gate.at_most or 0.0


def _needs_decision(service: Service, name: str) -> bool:
    """Whether a metric depends on the threshold; a value must be declared, as only its owner knows what it is worth."""
    declared = next((metric.kind for metric in service.metrics if metric.name == name), None)
    return (declared or name) in (NEEDS_DECISION if declared else NEEDS_DECISION - {"value"})


def _metric_faults(metric: Measure, task: Task) -> Iterator[Fault]:
    path = f"metrics.{metric.name}"
    if (metric.kind in REGRESSION) != (task.kind == "regression"):
        yield path, f"does not measure a {task.kind} target"
    elif metric.of is not None and metric.of not in task.classes:
        yield path, f"is about {metric.of!r}, which is not a class: {', '.join(task.classes)}"
    elif task.kind == "multiclass" and metric.kind in ("brier", "value"):
        yield path, "needs two classes; use accuracy() or log_loss()"
    elif task.kind == "multiclass" and metric.of is None and metric.kind in OF_A_CLASS | RANKING:
        yield path, f"is about one class against the others; name it: {metric.kind}(of={task.classes[0]!r})"
    if metric.share is not None and not 0 < metric.share < 1:
        yield path, f"looks at a share of {metric.share:g} of the rows; one between 0 and 1 is meant, such as 0.1"


def _twice(metrics: Iterable[Measure]) -> Iterator[Fault]:
    names = [metric.name for metric in metrics]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield (
            f"metrics.{name}",
            f"is measured twice; gates could not tell which is meant: give one a name of its own, name='{name}_of_...'",
        )


def _evaluation_faults(service: Service) -> Iterator[Fault]:
    """What groups are compared, and in which order rows lie in time."""
    known = {field.name for field in service.fields if not field.names}
    for name in service.fairness:
        if name not in known:
            yield (
                f"fairness.{name}",
                f"is not a field of the record, or a vector; its fields: {', '.join(sorted(known))}",
            )
        elif _is_free_text(service, name):
            yield f"fairness.{name}", FREE_TEXT
    asked = service.fairness or any(isinstance(gate, Fair) for gate in service.gates)
    if asked and service.target.task.kind != "binary":
        yield "fairness", f"is about a decision for or against; a {service.target.task.kind} target has none"
    if back := service.backtest:
        if back.field not in {field.name for field in service.fields if field.type in ("number", "integer")}:
            yield f"backtest.{back.field}", "is not a field of numbers, so it orders nothing in time"
        if not 0 < back.last < 1:
            yield "backtest.last", f"is {back.last}; a share between 0 and 1 is meant, such as 0.2"


def _data_faults(service: Service) -> Iterator[Fault]:
    for source in service.data.reads.sources:
        if source.sha256 and not re.fullmatch(r"[0-9a-f]{64}", source.sha256):
            yield (
                f"data.{source.name}",
                f"has sha256 {source.sha256!r}; give its 64 hexadecimal digits: sha256sum {source.name}",
            )
    for keep in service.data.keep:
        if not keep.limits:
            yield (f"data.keep.{keep.column}", "says nothing but limits of numbers can: write Meta(gt=1000, le=5000)")
    if service.split.kind == "stratified" and service.target.task.kind == "regression":
        yield "split", "is stratified by classes, but the target is a number; use random()"
    if not 0 < service.split.test < 1:
        yield "split.test", f"is {service.split.test}; a share between 0 and 1 is meant, such as 0.2"


def _tune_faults(service: Service) -> Iterator[Fault]:
    """Whether the estimator has these parameters is seen when it is built, for tuning."""
    if service.tune is None:
        return
    if not service.tune.space:
        yield "tune", 'is empty; name what to search: {"step__parameter": whole(30, 200)}'
    if service.tune.metric and service.tune.metric not in {metric.name for metric in service.metrics}:
        yield "tune.metric", f"is {service.tune.metric}, which is not measured; add it to metrics"
    for name, space in service.tune.space.items():
        if fault := space_fault(space):
            yield f"tune.{name}", fault
