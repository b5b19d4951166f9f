"""The parts of a report that are tables and sentences."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from towpath.core.evaluation import Evaluation, Fairness, Metric, Spread
from towpath.core.lineage import DataLineage
from towpath.training.metrics import Predicted

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "error": "!", "warn": "!"}


def verdict(evaluation: Evaluation) -> str:
    """One pill for each verdict that occurs, with its count."""
    gates = evaluation.gates
    found = [(one, sum(gate.verdict == one for gate in gates)) for one in ("fail", "error", "inconclusive", "pass")]
    pills = "".join(f"<span class='pill {one}'>{MARKS[one]} {count} {one}</span>" for one, count in found if count)
    return f"<p class='pills'>{pills or '<span class=pill>no gates are declared</span>'}</p>"


def in_words(seen: Predicted, evaluation: Evaluation) -> str:
    """What the model does, for somebody who does not know what a metric is."""
    if seen.task.kind == "regression":
        missed = np.abs(seen.scores[:, 0] - seen.truth)
        half, most = np.quantile(missed, [0.5, 0.9])
        better = _better_than_baseline(evaluation)
        return (
            f"Half of its predictions are off by less than {half:,.4g}, nine tenths by less than {most:,.4g}.{better}"
        )
    wrong = int((seen.decisions != seen.truth).sum())
    text = (
        f"Of {len(seen)} rows it had never seen it decided {len(seen) - wrong} rightly ({1 - wrong / len(seen):.1%})."
    )
    if seen.task.kind == "binary":
        said, true = seen.decisions == 1, seen.truth == 1
        hits, name = int((said & true).sum()), seen.task.positive
        text += f" It found {hits} of the {int(true.sum())} {name}"
        text += f", and of the {int(said.sum())} it took for {name}, {hits} were."
    return text


def _better_than_baseline(evaluation: Evaluation) -> str:
    deltas = evaluation.baseline.deltas if evaluation.baseline else ()
    error = next((one for one in deltas if one.name in ("rmse", "mae") and one.other), None)
    if error is None:
        return ""
    return f" Its {error.name} is {-error.delta / error.other:.0%} below that of always saying the median."


def gates(evaluation: Evaluation) -> str:
    if not evaluation.gates:
        return ""
    rows = [
        (
            f"<span class='pill {gate.verdict}'>{MARKS[gate.verdict]} {gate.verdict}</span>",
            escape(gate.gate),
            escape(gate.reason),
        )
        for gate in evaluation.gates
    ]
    return section("Gates", table(("verdict", "asks", "because"), rows))


def metrics(evaluation: Evaluation) -> str:
    """Each metric with its interval drawn, beside the baseline and the cross-validated mean."""
    against = {delta.name: delta for delta in evaluation.baseline.deltas} if evaluation.baseline else {}
    folds = {spread.name: spread for spread in evaluation.cross_validation}
    rows = []
    for metric in evaluation.metrics:
        delta, spread = against.get(metric.name), folds.get(metric.name)
        rows.append(
            (
                f"<b>{escape(metric.name)}</b>" + (f" <small>{escape(metric.unit)}</small>" if metric.unit else ""),
                number(metric.value),
                f"{number(metric.low)} to {number(metric.high)}",
                whisker(metric),
                f"{number(delta.other)}" if delta else "",
                f"{signed(delta.delta)} <small>p {least(delta.p)}</small>" if delta else "",
                f"{number(spread.mean)} ± {number(spread.sd)}" if spread else "",
            )
        )
    rows += [(f"<b>{escape(name)}</b>", "not defined", "", "", "", "", "") for name in evaluation.undefined]
    kind = (
        {"prior": "class shares alone", "median": "the median alone"}[evaluation.baseline.kind]
        if evaluation.baseline
        else ""
    )
    head = ("metric", "value", "95 % interval", "", kind, "gained", "over training folds")
    keep = [i for i, title in enumerate(head) if i < 4 or (i < 6 and against) or (i == 6 and folds)]
    shown = [tuple(row[i] for i in keep) for row in rows]
    covered = [
        f"Prediction intervals that promise {one.level:.0%} hold {one.covered:.1%} of the true values "
        f"[{one.low:.1%}, {one.high:.1%}]; their median width is {number(one.width)}."
        for one in evaluation.intervals
    ]
    note = "".join(f"<p>{escape(line)}</p>" for line in covered)
    return section("Metrics", table([head[i] for i in keep], shown, numeric=range(1, 7)) + note)


def whisker(metric: Metric) -> str:
    """The interval on a line from 0 to 1; metrics in another unit have none."""
    if metric.low < 0 or metric.high > 1:
        return ""
    left, right, value = metric.low * 100, metric.high * 100, metric.value * 100
    return (
        "<svg class='whisker' viewBox='0 0 100 10' aria-hidden='true'>"
        "<line class='rail' x1='0' y1='5' x2='100' y2='5'/>"
        f"<rect class='span' x='{left:.1f}' y='3' width='{max(0.6, right - left):.1f}' height='4' rx='1'/>"
        f"<circle class='mark' cx='{value:.1f}' cy='5' r='2.4'/></svg>"
    )


def slices(evaluation: Evaluation) -> str:
    rows = [
        (escape(one.field), escape(one.group), escape(one.name), *measured(one.metric)) for one in evaluation.slices
    ]
    head = ("field", "group", "metric", "value", "95 % interval", "rows")
    return section("By group", table(head, rows, numeric=range(3, 6))) if rows else ""


def measured(metric: Metric | None) -> tuple[str, str, str]:
    if metric is None:
        return "too few rows", "", ""
    return number(metric.value), f"{number(metric.low)} to {number(metric.high)}", str(metric.rows)


def fairness(evaluation: Evaluation) -> str:
    return section("Fairness", "".join(map(_field, evaluation.fairness))) if evaluation.fairness else ""


def _field(found: Fairness) -> str:
    rows = [
        (escape(one.group), str(one.rows), *(share(value) for value in
         (one.selected, one.impact, one.recall, one.false_positives, one.precision)))
        for one in found.groups
    ]  # fmt: skip
    head = ("group", "rows", "decided positive", "impact", "recall", "false positives", "precision")
    told = []
    if found.impact:
        low = "below" if found.impact.value < 0.8 else "at least"
        told.append(
            f"The least often selected group is selected {found.impact.value:.0%} as often as {found.reference} "
            f"[{found.impact.low:.0%}, {found.impact.high:.0%}], {low} four fifths."
        )
    if found.gap:
        told.append(f"Recall differs by up to {found.gap.value:.1%} [{found.gap.low:.1%}, {found.gap.high:.1%}].")
    if found.small:
        told.append(f"Too few rows to judge: {', '.join(found.small)}.")
    return f"<h3>{escape(found.field)}</h3><p>{escape(' '.join(told))}</p>" + table(head, rows, numeric=range(1, 7))


def segments(evaluation: Evaluation) -> str:
    """Bars with intervals, and where the error of all rows lies."""
    found = evaluation.segments
    if not found or not found.worst:
        return ""
    most = max(one.high for one in found.worst)
    rows = []
    for one in found.worst:
        low, high, mean, all_rows = (value / most * 100 for value in (one.low, one.high, one.error, found.overall))
        picture = (
            "<svg class='whisker' viewBox='0 0 100 10' aria-hidden='true'>"
            f"<rect class='bar' x='0' y='2' width='{mean:.1f}' height='6'/>"
            f"<line class='whisk' x1='{low:.1f}' y1='5' x2='{high:.1f}' y2='5'/>"
            f"<line class='cut' x1='{all_rows:.1f}' y1='0' x2='{all_rows:.1f}' y2='10'/></svg>"
        )
        sure = " <small>above all rows</small>" if one.above else ""
        rows.append(
            (f"{escape(one.field)}: {escape(one.group)}{sure}", str(one.rows), number(one.error), picture,
             f"{number(one.low)} to {number(one.high)}")
        )  # fmt: skip
    what = "Mean absolute error" if found.error == "mae" else "Share of wrong decisions"
    surely = len(found.above)
    words = (
        f"{what}; {number(found.overall)} over all rows (the dashed line). Of {found.looked_at} groups with 30 rows or "
        f"more these come first; {surely} of them surely err more than all rows do, the others may by chance."
    )
    head = ("group", "rows", "error", "", "95 % interval")
    return section("Errors by group", f"<p>{escape(words)}</p>" + table(head, rows, numeric=(1, 2)))


def backtest(evaluation: Evaluation) -> str:
    found = evaluation.backtest
    if not found:
        return ""
    words = (
        f"Fitted again on the {found.train_rows} rows with {found.field} up to {found.train_to:g} alone, and "
        f"measured on the {found.test_rows} rows from {found.cut:g} on. No row is on both sides."
    )
    now = {metric.name: metric for metric in evaluation.metrics}
    rows = [
        (escape(metric.name), number(metric.value), f"{number(metric.low)} to {number(metric.high)}",
         number(now[metric.name].value) if metric.name in now else "", _spread(metric.name, found.origins))
        for metric in found.metrics
    ]  # fmt: skip
    head = ("metric", "on later rows", "95 % interval", "on random rows", "over rolling origins")
    return section("On later rows", f"<p>{escape(words)}</p>" + table(head, rows, numeric=range(1, 5)))


def _spread(name: str, origins: Sequence[Spread]) -> str:
    found = next((one for one in origins if one.name == name), None)
    return f"{number(found.mean)} ± {number(found.sd)} <small>of {len(found.folds)}</small>" if found else ""


def data(lineage: DataLineage, evaluation: Evaluation) -> str:
    split = lineage.split
    lines = [
        f"{lineage.told()}: {split.train_rows} to learn from, {split.test_rows} held out "
        f"({split.kind}, seed {split.seed})",
        *(f"kept: {one.keeps} (drops {one.drops})" for one in lineage.filters),
        *(f"{source.name}, {source.size:,} bytes, sha256 {source.sha256[:12]}" for source in lineage.sources),
    ]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    quality = evaluation.data_quality
    shown = [one for one in quality.results if one.verdict != "pass"]
    rows = [
        (pill(one.verdict, one.rule), escape(one.name), escape(one.column), escape(one.reason), str(one.rows or ""))
        for one in shown
    ]  # fmt: skip
    passed = len(quality.results) - len(shown)
    told = (
        f"<p>{passed} of {len(quality.results)} data quality rules have nothing to say against it.</p>"
        if quality.results
        else ""
    )
    found = table(("rule", "name", "column", "what it says", "rows"), rows, numeric=(4,)) if rows else ""
    return section("Data", f"<ul>{items}</ul>{told}{found}")


def proof(evaluation: Evaluation) -> str:
    parity = evaluation.parity
    lines = [
        f"The compiled model was compared with scikit-learn on {parity.rows} rows, those on the limits of splits among "
        f"them: it is within {parity.worst:.0e} (allowed {parity.tolerance:.0e}), and {parity.flips} decisions differ."
    ]
    if evaluation.additivity is not None:
        lines.append(f"Contributions add up to the score within {evaluation.additivity:.0e}.")
    return section("Served is what was measured", "".join(f"<p>{escape(line)}</p>" for line in lines))


def section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>"


def pill(verdict: str, words: str) -> str:
    """A mark, a colour and a word: none of them is needed to understand the others."""
    return f"<span class='pill {verdict}'>{MARKS[verdict]} {escape(words)}</span>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """Cells are HTML already; numeric columns are aligned to the right."""
    right = set(numeric)
    titles = "".join(f"<th scope='col'{_class(i in right)}>{escape(title)}</th>" for i, title in enumerate(head))
    lines = "".join(
        "<tr>" + "".join(f"<td{_class(i in right)}>{cell}</td>" for i, cell in enumerate(row)) + "</tr>" for row in rows
    )
    return f"<div class='scroll'><table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>"


def _class(is_number: bool) -> str:
    return " class='number'" if is_number else ""


def number(value: float) -> str:
    """As many digits as are read: `0.8706`, `88.90`, `4,278`."""
    digits = 4 if abs(value) < 10 else 2 if abs(value) < 1000 else 0
    return f"{value:,.{digits}f}"


def signed(value: float) -> str:
    return ("+" if value >= 0 else "-") + number(abs(value))


def share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def least(p: float) -> str:
    return f"{p:.3f}" if p >= 0.0025 else "≤ 0.002"
