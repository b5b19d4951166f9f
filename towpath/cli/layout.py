"""Results as text: aligned columns, sizes, metrics."""

from collections.abc import Iterable, Sequence

from towpath.core.evaluation import Evaluation, GateResult, IntervalCoverage


def columns(rows: Iterable[Sequence[object]], indent: str = "") -> str:
    """Rows with their cells aligned to the left; nothing stands after the last one."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    widths = [max(len(row[i]) for row in cells if i < len(row)) for i in range(max(map(len, cells)))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in cells)
    return "\n".join(indent + line.rstrip() for line in lines)


def size(count: int) -> str:
    """`709.7 kB`"""
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def short(digest: str) -> str:
    """People are shown the first twelve digits."""
    return digest[:12]


def measured(evaluation: Evaluation) -> list[tuple[str, str]]:
    """What was measured, as rows of (what, value): metrics with intervals, gates, parity."""
    rows = [(metric.name, f"{metric.value:.4f} [{metric.low:.4f}, {metric.high:.4f}]") for metric in evaluation.metrics]
    rows += [(f"interval {one.level:g}", _covered(one)) for one in evaluation.intervals]
    rows += [("gate" if gate.verdict == "pass" else "GATE", gate_line(gate)) for gate in evaluation.gates]
    parity = evaluation.parity
    apart = f"worst difference {parity.worst:.1e} (allowed {parity.tolerance:.0e})"
    rows += [("warning", f"data {one}") for one in evaluation.data_quality.warnings]
    return [*rows, ("parity", f"{parity.rows} rows, {apart}, {parity.flips} flips")]


def _covered(one: IntervalCoverage) -> str:
    return (
        f"holds {one.covered:.1%} of the test rows [{one.low:.4f}, {one.high:.4f}], half narrower than {one.width:.6g}"
    )


def gate_line(gate: GateResult) -> str:
    return f"{gate.verdict}: {gate.gate} ({gate.reason})"
