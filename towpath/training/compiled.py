"""A fitted estimator as plan and files: what an engine runs."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from towpath.core import formats, manifest
from towpath.core.contract import Field
from towpath.core.plan import Column, Encode, Finish, Graph, Link, Plan, Text
from towpath.declare.service import Service
from towpath.training import parity
from towpath.training.compile.model import compile_model
from towpath.training.compile.text import compile_text
from towpath.training.fit import is_text


@dataclass(frozen=True)
class CompiledPlan:
    """The plan, the files it names, its columns (a text model has none), its trees' thresholds as (column, value)."""

    plan: Plan
    files: dict[str, bytes]
    columns: tuple[Column, ...]
    thresholds: list[tuple[str, float]]


def compile_plan(service: Service, estimator: Any, frame: pd.DataFrame) -> CompiledPlan:
    """The estimator fitted on this frame. Raises VerificationRefused naming what has no converter."""
    if is_text(service):
        return _compile_text(service, estimator)
    columns = tuple(column for field in service.columns.fields for column in _columns(field, frame))
    compiled = compile_model(estimator, columns, parity.to_rows(frame, columns))
    graph = Graph(manifest.GRAPH, compiled.outputs, manifest.EXPLAIN if compiled.explain else None, compiled.base)
    files = {manifest.GRAPH: compiled.graph} | ({manifest.EXPLAIN: compiled.explain} if compiled.explain else {})
    plan = Plan((Encode(columns), graph, Finish(compiled.link)))
    return CompiledPlan(plan, files, columns, parity.thresholds(estimator, columns))


def _compile_text(service: Service, estimator: Any) -> CompiledPlan:
    content = compile_text(estimator)
    step = Text(service.columns.names[0], manifest.TEXT, len(content.bias))
    link: Link = "logistic" if len(content.bias) == 1 else "softmax"
    return CompiledPlan(Plan((step, Finish(link))), {manifest.TEXT: formats.canonical(content)}, (), [])


def _columns(field: Field, frame: pd.DataFrame) -> list[Column]:
    if field.names:
        return [Column(name, field.name, position) for position, name in enumerate(field.names)]
    if field.choices:
        return [Column(field.name, field.name, categories=field.choices)]
    if field.type == "string":
        seen = sorted(frame[field.name].dropna().unique().tolist())  # an open string: what training saw
        return [Column(field.name, field.name, categories=tuple(seen))]
    return [Column(field.name, field.name)]
