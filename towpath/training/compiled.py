"""A fitted estimator as plan and files: what an engine runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from msgspec import structs

from towpath.core import formats, manifest
from towpath.core.answer import Contributions
from towpath.core.contract import Field
from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column, Encode, Finish, Graph, Plan, PredictionInterval, Text
from towpath.declare.derived import Derived
from towpath.declare.service import Service
from towpath.training import parity
from towpath.training.compile.model import Compiled, compile_model
from towpath.training.compile.protocol import EXACT
from towpath.training.compile.reads import columns_read
from towpath.training.compile.text import compile_text
from towpath.training.derived import with_derived
from towpath.training.fit import is_text


@dataclass(frozen=True)
class CompiledPlan:
    """The plan, the files it names, its columns (a text model has none), its trees' thresholds as (column, value).

    tolerance is what the parity gate has to hold it to.
    """

    plan: Plan
    files: dict[str, bytes]
    columns: tuple[Column, ...]
    thresholds: list[tuple[str, float]]
    tolerance: float = EXACT

    @property
    def explained(self) -> bool:
        """Whether it has contributions."""
        return is_explained(self.plan)


def is_explained(plan: Plan) -> bool:
    """Whether a plan has contributions."""
    return any(isinstance(step, Text) or (isinstance(step, Graph) and step.explain) for step in plan.steps)


def compile_plan(service: Service, estimator: Any, frame: pd.DataFrame) -> CompiledPlan:
    """The estimator fitted on this frame. Raises VerificationRefused naming what has no converter."""
    if is_text(service):
        return _compile_text(service, estimator)
    frame = with_derived(service.columns, frame)
    columns = tuple(column for field in service.columns.fields for column in _columns(field, frame))
    columns += tuple(_derived(one, frame) for one in service.columns.derived)
    compiled = compile_model(estimator, columns, parity.to_rows(frame, columns))
    _check_explained(service, compiled)
    graph = Graph(manifest.GRAPH, compiled.outputs, manifest.EXPLAIN if compiled.explain else None, compiled.base)
    files = {manifest.GRAPH: compiled.graph} | ({manifest.EXPLAIN: compiled.explain} if compiled.explain else {})
    plan = Plan((Encode(_encoded(service, columns, compiled)), graph, Finish(compiled.link)))
    return CompiledPlan(plan, files, columns, parity.thresholds(estimator, columns), compiled.tolerance)


def _check_explained(service: Service, compiled: Compiled) -> None:
    if compiled.explain is None:
        refuse_unexplained(service, compiled.unexplained)


def refuse_unexplained(service: Service, reason: str) -> None:
    """Raises VerificationRefused where an answer asks for contributions that a model does not have."""
    asked = [name for name, item in service.answer.items() if isinstance(item, Contributions)]
    if asked:
        raise VerificationRefused(
            f"answer.{asked[0]} asks for contributions, which this model does not have: {reason}",
            hint="leave them out of the answer, or use an estimator that has them (docs/estimators.md)",
        )


def with_intervals(compiled: CompiledPlan, intervals: Sequence[PredictionInterval]) -> CompiledPlan:
    """The same with the prediction intervals in its last step."""
    *steps, finish = compiled.plan.steps
    finish = structs.replace(finish, intervals=tuple(intervals))
    return replace(compiled, plan=Plan((*steps, finish)))


def _compile_text(service: Service, estimator: Any) -> CompiledPlan:
    text = compile_text(estimator)
    step = Text(service.columns.names[0], manifest.TEXT, text.outputs)
    return CompiledPlan(Plan((step, Finish(text.link))), {manifest.TEXT: formats.canonical(text.content)}, (), [])


def _columns(field: Field, frame: pd.DataFrame) -> list[Column]:
    if field.names:
        return [Column(name, field.name, position) for position, name in enumerate(field.names)]
    if field.choices:
        return [Column(field.name, field.name, categories=field.choices)]
    if field.type == "string":
        return [Column(field.name, field.name, categories=_seen(frame[field.name]))]
    return [Column(field.name, field.name)]


def _derived(one: Derived, frame: pd.DataFrame) -> Column:
    categories = (one.choices or _seen(frame[one.name])) if one.kind == "text" else ()
    return Column(one.name, categories=categories, derive=one.derive)


def _seen(texts: pd.Series) -> tuple[str, ...]:
    """The categories of an open string: what training saw."""
    return tuple(sorted(texts.dropna().unique().tolist()))


def _encoded(service: Service, columns: Sequence[Column], compiled: Compiled) -> tuple[Column, ...]:
    """The columns for the engine: what it would work out or look up in a list for nobody is marked as unused."""
    read = set().union(*(columns_read(graph, len(columns)) for graph in (compiled.graph, compiled.explain) if graph))
    closed = {field.name for field in service.columns.fields if field.choices}
    costly = [bool(column.derive or (column.categories and column.name not in closed)) for column in columns]
    return tuple(
        structs.replace(column, unused=True, categories=()) if dear and position not in read else column
        for position, (column, dear) in enumerate(zip(columns, costly, strict=True))
    )
