"""The stage `lay out`: every file of the bundle, from what the other stages gave; the contract and the card with it."""

from dataclasses import dataclass, field

import numpy as np

from towpath.bundle.lock import write_lock
from towpath.core import formats, manifest
from towpath.core.evaluation import Evaluation
from towpath.core.lineage import DataLineage
from towpath.core.sketch import Reference
from towpath.data.plain import plain
from towpath.data.table import LabelledRows
from towpath.declare.service import Service
from towpath.training import card
from towpath.training.compiled import is_explained, refuse_unexplained
from towpath.training.learn import HOLDOUT, Fitted
from towpath.training.metrics import predicted
from towpath.training.report import page
from towpath.training.report.names import REPORT
from towpath.training.split import describe_split


@dataclass(frozen=True)
class Evaluated:
    """What was measured on rows the model has not seen, and what they look like."""

    evaluation: Evaluation
    reference: Reference


@dataclass(frozen=True)
class LaidOut:
    """A bundle's files; the held-out sample; `beside`: files that stay with the candidate and are in no bundle."""

    files: dict[str, bytes]
    holdout: bytes
    data: DataLineage
    beside: dict[str, bytes] = field(default_factory=dict)


def lay_out(
    service: Service, rows: LabelledRows, learn: np.ndarray, test: np.ndarray, fitted: Fitted, measured: Evaluated
) -> LaidOut:
    if not is_explained(fitted.plan):  # the answer may have changed since the model was fitted
        refuse_unexplained(service, f"none were found for {fitted.estimator}")
    holdout = hold_out(service, rows, test)
    split = describe_split(service.split, learn, test)
    lineage = DataLineage(
        rows.origin,
        rows.sources,
        len(rows),
        split,
        formats.digest(holdout),
        rows.read if rows.filters else 0,
        rows.filters,
        service.params,
    )
    described = card.write_card(
        service.contract(),
        fitted.settings,
        lineage,
        measured.evaluation,
        fitted.estimator,
        measured.reference.importances,
    )
    findings = page.Findings(
        contract=service.contract(),
        settings=fitted.settings,
        lineage=lineage,
        evaluation=measured.evaluation,
        estimator=fitted.estimator,
        importances=measured.reference.importances,
        seen=predicted(service.target.task, rows.targets[test], fitted.scores, fitted.settings.threshold),
        features=rows.features.iloc[test],
        contributions=fitted.contributions,
    )
    files = {
        **fitted.files,
        manifest.CONTRACT: formats.canonical(service.contract()),
        manifest.PLAN: formats.canonical(fitted.plan),
        manifest.SETTINGS: formats.canonical(fitted.settings),
        manifest.GOLDEN: b"".join(formats.canonical(row) + b"\n" for row in fitted.golden),
        manifest.REFERENCE: formats.canonical(measured.reference),
        manifest.EVALUATION: formats.canonical(measured.evaluation),
        manifest.DATA: formats.canonical(lineage),
        manifest.CARD: described.encode(),
        manifest.LOCK: write_lock(),
    }
    return LaidOut(files, holdout, lineage, {REPORT: page.write_report(findings)})


def hold_out(service: Service, rows: LabelledRows, test: np.ndarray) -> bytes:
    """The first test rows with their targets, one JSON object a line."""
    chosen = test[:HOLDOUT]
    frame = rows.features.iloc[chosen].assign(**{service.target.task.target: rows.targets[chosen]})
    return b"".join(formats.canonical(row) + b"\n" for row in plain(frame).to_dict("records"))
