"""The report as one page: what the verdict is first, then why, then everything that was measured."""

from dataclasses import dataclass
from html import escape

import pandas as pd

from towpath.core.contract import Contract
from towpath.core.evaluation import Evaluation
from towpath.core.lineage import DataLineage
from towpath.core.settings import Settings
from towpath.engine.contributions import Contribution
from towpath.training.metrics import Predicted
from towpath.training.report import explain, sections
from towpath.training.report.names import UNNAMED
from towpath.training.report.pictures import pictures
from towpath.training.report.style import STYLE


@dataclass(frozen=True)
class Findings:
    """All that a report shows. seen and features are of the test rows, contributions of the first of them.

    features: one column for each field's column. The page is for those who may see the data: it shows rows of it.
    """

    contract: Contract
    settings: Settings
    lineage: DataLineage
    evaluation: Evaluation
    estimator: str
    importances: dict[str, float]
    seen: Predicted
    features: pd.DataFrame
    contributions: tuple[Contribution, ...]


def write_report(found: Findings) -> bytes:
    """A page of HTML that needs nothing else: no script, no font, no network."""
    evaluation, contract = found.evaluation, found.contract
    parts = [
        sections.gates(evaluation),
        sections.metrics(evaluation),
        section("How it decides" if contract.task.classes else "How far off it is", grid(pictures_of(found))),
        explain.importances(found.importances),
        explain.examples(found.contributions, found.features, found.seen, contract),
        sections.slices(evaluation),
        sections.fairness(evaluation),
        sections.segments(evaluation),
        sections.backtest(evaluation),
        sections.data(found.lineage, evaluation),
        sections.proof(evaluation),
    ]
    title = escape(contract.title or contract.service)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}: report</title>'
        f"<style>{STYLE}</style></head><body><main>{head(found)}{''.join(parts)}"
        f"<footer>Written by <code>towpath train</code>. Examples in it are rows of the data.</footer>"
        "</main></body></html>\n"
    ).encode()


def head(found: Findings) -> str:
    contract, evaluation = found.contract, found.evaluation
    made = "" if found.lineage.origin == "real" else (
        '<p class="warning"><b>Trained on generated rows.</b> These numbers say nothing about real ones.</p>'
    )  # fmt: skip
    about = f"<p class='about'>{escape(contract.description)}</p>" if contract.description else ""
    return (
        f"<header><p class='over'>{UNNAMED.decode()}</p><h1>{escape(contract.title or contract.service)}</h1>"
        f"{about}{made}"
        f"{sections.verdict(evaluation)}<p class='lead'>{escape(sections.in_words(found.seen, evaluation))}</p>"
        f"<p class='fine'>Predicts <code>{escape(contract.task.target)}</code> "
        f"by <code>{escape(found.estimator)}</code>, "
        f"learnt from {found.lineage.split.train_rows} {found.lineage.origin} rows, "
        f"measured on {evaluation.rows} that were held out.</p></header>"
    )


def pictures_of(found: Findings) -> list[str]:
    return pictures(found.seen, found.evaluation, found.settings.threshold)


def section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>" if inside else ""


def grid(parts: list[str]) -> str:
    return f"<div class='grid'>{''.join(parts)}</div>"
