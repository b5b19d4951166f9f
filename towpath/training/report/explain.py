"""What matters to a model, and for a few rows what spoke for and against."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from towpath.core.contract import Contract
from towpath.engine.contributions import Contribution
from towpath.training.metrics import Predicted
from towpath.training.report.sections import number, section

BARS = 15
PARTS = 3  # for and against
LONGEST = 160  # characters of a text


def importances(found: dict[str, float]) -> str:
    """The mean absolute contribution of each field, the largest first."""
    if not found:
        return ""
    shown = list(found.items())[:BARS]
    most = max(value for _, value in shown) or 1.0
    bars = "".join(
        f"<div class='row'><span class='name'>{escape(name)}</span><span class='track'><span class='bar' "
        f"style='width:{value / most:.1%}'></span></span><span class='number'>{number(value)}</span></div>"
        for name, value in shown
    )
    rest = f" The other {len(found) - BARS} matter less." if len(found) > BARS else ""
    words = (
        f"How far each field moves the score of a row, on average over held-out rows; up and down count alike.{rest}"
    )
    return section("What matters", f"<p>{words}</p><div class='bars'>{bars}</div>")


def examples(given: Sequence[Contribution], features: pd.DataFrame, seen: Predicted, contract: Contract) -> str:
    """A few rows with the three parts that speak most for and most against what was predicted."""
    if not given:
        return ""
    chosen = _chosen(seen, len(given))
    cards = "".join(_card(title, row, given[row], features.iloc[row], seen, contract) for title, row in chosen)
    words = "What each field, or word, adds to the score of one row; together with the base value they are the score."
    return section("Why, for single rows", f"<p>{words}</p><div class='cards'>{cards}</div>")


def _chosen(seen: Predicted, known: int) -> list[tuple[str, int]]:
    scores = seen.scores[:known]
    if seen.task.kind == "regression":
        order = np.argsort(scores[:, 0], kind="stable")
        return [
            ("A high prediction", int(order[-1])),
            ("One in the middle", int(order[known // 2])),
            ("A low one", int(order[0])),
        ]
    top = scores[:, 0] if seen.task.kind == "binary" else scores.max(axis=1)
    wrong = np.flatnonzero(seen.decisions[:known] != seen.truth[:known])
    said = scores[:, 0] if seen.task.kind == "binary" else top
    chosen = [("The surest", int(top.argmax()))]
    closest = np.abs(said - np.median(said)) if seen.task.kind == "binary" else said
    if len(wrong):
        sure = np.abs(said[wrong] - 0.5) if seen.task.kind == "binary" else said[wrong]
        chosen.append(("The most surely wrong", int(wrong[sure.argmax()])))
    if seen.task.kind == "binary":
        chosen.append(("The surest the other way", int(top.argmin())))
    else:
        chosen.append(("The least sure", int(closest.argmin())))
    return [
        (title, row) for place, (title, row) in enumerate(chosen) if row not in [other for _, other in chosen[:place]]
    ]


def _card(title: str, row: int, parts: Contribution, features: pd.Series, seen: Predicted, contract: Contract) -> str:
    output = 0 if len(parts.parts) == 1 else int(seen.scores[row].argmax())
    ranked = sorted(parts.parts[output].items(), key=lambda part: part[1])
    against = [part for part in ranked[:PARTS] if part[1] < 0]
    towards = [part for part in reversed(ranked[-PARTS:]) if part[1] > 0]
    most = max((abs(value) for _, value in [*towards, *against]), default=1.0) or 1.0
    lines = "".join(_part(name, value, most, features) for name, value in [*towards, *reversed(against)])
    return (
        f"<article><h3>{escape(title)}</h3><p class='fine'>{escape(_said(row, seen))}</p>{_text(features, contract)}"
        f"<div class='parts'>{lines}</div></article>"
    )


def _part(name: str, value: float, most: float, features: pd.Series) -> str:
    known = (
        f" = {_plain(features[name])}" if name in features and not isinstance(features[name], str | type(None)) else ""
    )
    if name in features and isinstance(features[name], str):
        known = f" = {features[name][:40]}"
    kind = "for" if value > 0 else "against"
    return (
        f"<div class='row'><span class='name'>{escape(name + known)}</span><span class='track'>"
        f"<span class='bar {kind}' style='width:{abs(value) / most:.1%}'></span></span>"
        f"<span class='number'>{value:+.3g}</span></div>"
    )


def _plain(value: float) -> str:
    return "missing" if pd.isna(value) else f"{value:,.6g}"


def _text(features: pd.Series, contract: Contract) -> str:
    """The text itself, where the row is one."""
    if len(contract.features) > 1 or contract.features[0].type != "string":
        return ""
    text = str(features.iloc[0])
    return f"<blockquote>{escape(text[:LONGEST])}{'...' if len(text) > LONGEST else ''}</blockquote>"


def _said(row: int, seen: Predicted) -> str:
    if seen.task.kind == "regression":
        return f"predicted {number(seen.scores[row, 0])}, true {number(seen.truth[row])}"
    classes = seen.task.classes
    score = seen.scores[row, 0] if seen.scores.shape[1] == 1 else seen.scores[row].max()
    of = classes[-1] if seen.task.kind == "binary" else classes[int(seen.scores[row].argmax())]
    return f"probability of {of} {score:.3f}; decided {classes[seen.decisions[row]]}, true {classes[seen.truth[row]]}"
