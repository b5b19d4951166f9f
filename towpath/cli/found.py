"""What was measured beyond the metrics, in lines for people: baseline, folds, fairness, errors, backtest."""

from collections.abc import Iterator

from towpath.core.evaluation import Evaluation, Fairness


def details(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    """Rows of (what, value)."""
    if evaluation.baseline and evaluation.baseline.deltas:
        one = evaluation.baseline.deltas[0]
        gained = f"{one.delta:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
        yield "baseline", f"{one.name} {one.other:.4f} without features, {gained} by the model"
    for spread in evaluation.cross_validation[:1]:
        over = f"over {len(spread.folds)} folds of the training rows"
        yield "folds", f"{spread.name} {spread.mean:.4f} ± {spread.sd:.4f} {over}"
    yield from ((f"fair {found.field}", fair(found)) for found in evaluation.fairness)
    if evaluation.segments and evaluation.segments.above:
        worst, found = evaluation.segments.above[0], evaluation.segments
        error = f"{found.error} {worst.error:.4f} [{worst.low:.4f}, {worst.high:.4f}] on {worst.rows} rows"
        yield "errs most", f"{worst.field} {worst.group}: {error}, {found.overall:.4f} on all"
    elif evaluation.segments and evaluation.segments.worst:
        yield "errs most", f"no group of {evaluation.segments.looked_at} surely more than all rows do"
    if back := evaluation.backtest:
        rows = f"{back.test_rows} rows with {back.field} from {back.cut:g}, learnt from the {back.train_rows} before"
        yield "backtest", f"{', '.join(map(str, back.metrics))} on {rows}"


def fair(found: Fairness) -> str:
    parts = []
    if found.impact:
        parts.append(f"impact {found.impact.value:.3f} [{found.impact.low:.3f}, {found.impact.high:.3f}]")
    if found.gap:
        parts.append(f"recall gap {found.gap.value:.3f} [{found.gap.low:.3f}, {found.gap.high:.3f}]")
    if found.small:
        parts.append(f"too few rows: {', '.join(found.small)}")
    return ", ".join(parts) or "fewer than two groups to compare"
