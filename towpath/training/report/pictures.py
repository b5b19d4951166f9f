"""The pictures of a report: what each shows, drawn from truth and scores, with a sentence that says the same."""

from html import escape

import numpy as np

from towpath.core.evaluation import Evaluation
from towpath.training.metrics import Predicted
from towpath.training.report.chart import Chart, Points, thinned

BARS = 30
DOTS = 500


def figure(title: str, svg: str, caption: str) -> str:
    return f"<figure><h3>{escape(title)}</h3>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def pictures(seen: Predicted, evaluation: Evaluation, threshold: float) -> list[str]:
    """All pictures that the kind of target has."""
    match seen.task.kind:
        case "binary":
            drawn = [roc(seen, 1, threshold), precision_recall(seen, 1, threshold)]
            drawn += [calibration(evaluation), histogram(seen, threshold)]
        case "multiclass":
            drawn = [roc_of_all(seen), calibration(evaluation)]
        case _:
            return [predicted_and_true(seen), residuals(seen), residual_sizes(seen)]
    return [*drawn, confusion(seen, evaluation, threshold)]


def roc(seen: Predicted, position: int, threshold: float) -> str:
    chart = Chart((0, 1), (0, 1), x_label="false positive rate", y_label="true positive rate")
    chart.line([(0, 0), (1, 1)], "chance")
    points, area = roc_points(seen, position)
    chart.area(points, "fill")
    chart.line(points, "main")
    true, said = seen.truth == position, seen.decisions == position
    here = (float((said & ~true).sum() / max(1, (~true).sum())), float((said & true).sum() / max(1, true.sum())))
    chart.dots([here], "mark", 4.5)
    chart.note(*here, f"at {threshold:.3f}", up=-14)
    name = seen.task.classes[position]
    caption = (
        f"A random {name} row scores higher than a random other one with probability {area:.3f}. "
        f"At the threshold {here[1]:.0%} of {name} are found, and {here[0]:.0%} of the others are taken for it."
    )
    return figure("ROC curve", chart.svg(caption), caption)


def roc_points(seen: Predicted, position: int) -> tuple[Points, float]:
    """The curve of one class against the rest, and the area under it."""
    hits, others = _cumulated(seen, position)
    x, y = np.r_[0, others / max(1, others[-1])], np.r_[0, hits / max(1, hits[-1])]
    return thinned(list(zip(x.tolist(), y.tolist(), strict=True))), float(np.trapezoid(y, x))


def roc_of_all(seen: Predicted) -> str:
    chart = Chart((0, 1), (0, 1), x_label="false positive rate", y_label="true positive rate")
    chart.line([(0, 0), (1, 1)], "chance")
    told = []
    for position, name in enumerate(seen.task.classes):
        points, area = roc_points(seen, position)
        chart.line(points, f"main series{position % 6}")
        chart.note(0.55, 0.42 - 0.075 * position, f"{name}: {area:.3f}")
        x, y = chart.at(0.5, 0.42 - 0.075 * position)
        chart.parts.append(
            f'<rect class="key series{position % 6}" x="{x:.1f}" y="{y - 8:.1f}" width="12" height="8"/>'
        )
        told.append(f"{name} {area:.3f}")
    caption = f"Each class against the rest; the areas under the curves are {', '.join(told)}."
    return figure("ROC curves", chart.svg(caption), caption)


def precision_recall(seen: Predicted, position: int, threshold: float) -> str:
    chart = Chart((0, 1), (0, 1), x_label="recall", y_label="precision")
    base = float((seen.truth == position).mean())
    chart.line([(0, base), (1, base)], "chance")
    hits, others = _cumulated(seen, position)
    recall, precision = hits / max(1, hits[-1]), hits / np.maximum(1, hits + others)
    chart.line(thinned(list(zip(recall.tolist(), precision.tolist(), strict=True))), "main")
    true, said = seen.truth == position, seen.decisions == position
    here = (float((said & true).sum() / max(1, true.sum())), float((said & true).sum() / max(1, said.sum())))
    chart.dots([here], "mark", 4.5)
    chart.note(*here, f"at {threshold:.3f}", up=8)
    name = seen.task.classes[position]
    caption = (
        f"At the threshold {here[1]:.0%} of the rows taken for {name} are, and {here[0]:.0%} of all {name} are found. "
        f"Chance would be right in {base:.0%}."
    )
    return figure("Precision and recall", chart.svg(caption), caption)


def calibration(evaluation: Evaluation) -> str:
    chart = Chart((0, 1), (0, 1), x_label="probability that was said", y_label="share that happened")
    chart.line([(0, 0), (1, 1)], "chance")
    for one in evaluation.calibration:
        chart.line([(one.said, one.low), (one.said, one.high)], "whisker")
    chart.line([(one.said, one.happened) for one in evaluation.calibration], "main")
    chart.dots([(one.said, one.happened) for one in evaluation.calibration], "mark", 3.2)
    off = max(evaluation.calibration, key=lambda one: abs(one.said - one.happened))
    within = sum(one.low <= one.said <= one.high for one in evaluation.calibration)
    caption = (
        f"In {within} of {len(evaluation.calibration)} groups of rows what was said lies within the interval of what "
        f"happened. Furthest off: said {off.said:.0%}, happened {off.happened:.0%}."
    )
    return figure("Calibration", chart.svg(caption), caption)


def histogram(seen: Predicted, threshold: float) -> str:
    counts = [np.histogram(seen.scores[seen.truth == one, 0], BARS, (0, 1))[0] for one in (0, 1)]
    shares = [count / max(1, count.sum()) for count in counts]
    chart = Chart(
        (0, 1), (0, float(max(share.max() for share in shares)) * 1.05), x_label="score", y_label="share of the class"
    )
    for kind, share in zip(("other", "main"), shares, strict=True):
        for place, value in enumerate(share.tolist()):
            if value:
                chart.bar(place / BARS, (place + 1) / BARS, value, f"block {kind}")
    chart.line([(threshold, 0), (threshold, chart.y[1])], "cut")
    chart.note(threshold, chart.y[1], f" {threshold:.3f}", up=-10)
    negative, positive = seen.task.classes
    medians = [
        float(np.median(seen.scores[seen.truth == one, 0])) if (seen.truth == one).any() else 0.0 for one in (0, 1)
    ]
    caption = (
        f"Scores of {positive} (blue, half of them above {medians[1]:.3f}) and of {negative} (orange, half above "
        f"{medians[0]:.3f}); from {threshold:.3f} on it is decided for {positive}."
    )
    return figure("Scores by class", chart.svg(caption), caption)


def confusion(seen: Predicted, evaluation: Evaluation, threshold: float) -> str:
    """A table is its own alternative text; the shade says the share of the row."""
    classes = seen.task.classes
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in classes)
    rows = []
    for name, counts in zip(classes, evaluation.confusion, strict=True):
        total = max(1, sum(counts))
        cells = "".join(
            f"<td class='cell' style='--share:{count / total:.3f}'>{count}<small>{count / total:.0%}</small></td>"
            for count in counts
        )
        rows.append(f"<tr><th scope='row'>{escape(name)}</th>{cells}</tr>")
    wrong = sum(map(sum, evaluation.confusion)) - sum(row[i] for i, row in enumerate(evaluation.confusion))
    at = f" at the threshold {threshold:.3f}" if seen.task.kind == "binary" else ""
    caption = f"Rows by what they are (down) and what was decided (across){at}: {wrong} of {len(seen)} are wrong."
    table = f"<table class='confusion'><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<figure><h3>Decisions</h3>{table}<figcaption>{escape(caption)}</figcaption></figure>"


def predicted_and_true(seen: Predicted) -> str:
    truth, said = _some(seen.truth, seen.scores[:, 0])
    span = (float(min(truth.min(), said.min())), float(max(np.quantile(truth, 0.995), np.quantile(said, 0.995))))
    chart = Chart(span, span, x_label=f"true {seen.task.target}", y_label="predicted")
    chart.line([(span[0], span[0]), (span[1], span[1])], "chance")
    chart.dots([point for point in zip(truth, said, strict=True) if max(point) <= span[1]], "dot")
    within = float((np.abs(seen.scores[:, 0] - seen.truth) <= 0.1 * np.abs(seen.truth)).mean())
    caption = f"On the line a prediction is exact; {within:.0%} of all rows are within 10 % of it."
    return figure("Predicted and true", chart.svg(caption), caption)


def residuals(seen: Predicted) -> str:
    truth, said = _some(seen.truth, seen.scores[:, 0])
    missed = said - truth
    low, high = np.quantile(missed, [0.005, 0.995])
    x = (float(said.min()), float(np.quantile(said, 0.995)))
    chart = Chart(x, (float(low), float(high)), x_label="predicted", y_label="predicted - true")
    chart.line([(x[0], 0), (x[1], 0)], "chance")
    chart.dots([(a, b) for a, b in zip(said, missed, strict=True) if a <= x[1] and low <= b <= high], "dot")
    mean = float((seen.scores[:, 0] - seen.truth).mean())
    caption = f"How far off predictions are, by what was predicted; on average {mean:+,.4g}."
    return figure("Residuals", chart.svg(caption), caption)


def residual_sizes(seen: Predicted) -> str:
    missed = seen.scores[:, 0] - seen.truth
    low, high = np.quantile(missed, [0.01, 0.99])
    counts, edges = np.histogram(missed, BARS, (low, high))
    chart = Chart(
        (float(low), float(high)), (0, float(counts.max()) * 1.05), x_label="predicted - true", y_label="rows"
    )
    for count, left, right in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
        chart.bar(left, right, count, "block main")
    chart.line([(0, 0), (0, chart.y[1])], "cut")
    half, most = np.quantile(np.abs(missed), [0.5, 0.9])
    caption = f"Half of all predictions are off by less than {half:,.4g}, nine tenths by less than {most:,.4g}."
    return figure("Sizes of residuals", chart.svg(caption), caption)


def _cumulated(seen: Predicted, position: int) -> tuple[np.ndarray, np.ndarray]:
    """How many rows of the class and of others lie above each score, from the highest down; ties end together."""
    scores = seen.score_of(seen.task.classes[position])
    order = np.argsort(-scores, kind="stable")
    true = (seen.truth == position)[order]
    ends = np.r_[np.flatnonzero(np.diff(scores[order]) < 0), len(order) - 1]
    return np.cumsum(true)[ends], np.cumsum(~true)[ends]


def _some(*columns: np.ndarray) -> list[np.ndarray]:
    """The same rows of each, as many as a picture can show; which ones does not change from page to page."""
    chosen = np.linspace(0, len(columns[0]) - 1, min(DOTS, len(columns[0]))).astype(int)
    return [column[chosen].astype(np.float64) for column in columns]
