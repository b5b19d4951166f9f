"""How long measuring takes: every metric with its interval from 1,000 resamples, on 10,000 rows.

    python -m bench.evaluation [rows]

Prints a line for each task and fails where one takes 2 seconds or more.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from towpath import declare
from towpath.core.contract import Task
from towpath.core.measures import Measure
from towpath.training.fit import one_thread
from towpath.training.metrics import Predicted, measure_all, predicted

ROWS = 10_000
MOST = 2.0  # seconds
RUNS = 3  # the quickest counts: on a busy machine the others measure somebody else's work
RESULTS = Path(__file__).resolve().parent / "results" / "evaluation.json"

BINARY = [
    declare.auc(), declare.average_precision(), declare.accuracy(), declare.balanced_accuracy(), declare.f1("yes"),
    declare.precision("yes"), declare.recall("yes"), declare.specificity("yes"), declare.mcc("yes"),
    declare.lift_at(0.1), declare.precision_at(0.1), declare.brier(), declare.log_loss(), declare.ece(),
    declare.value_of(tp=690, fp=-20, fn=0, tn=0, unit="USD"),
]  # fmt: skip
MULTICLASS = [
    declare.accuracy(), declare.balanced_accuracy(), declare.log_loss(), declare.ece(), declare.auc("b"),
    declare.average_precision("b"), declare.f1("b"), declare.precision("b"), declare.recall("b"), declare.mcc("b"),
]  # fmt: skip
REGRESSION = [declare.r2(), declare.rmse(), declare.mae(), declare.mape(), declare.median_ae()]


def main(rows: int) -> int:
    took = {name: min(seconds(*case) for _ in range(RUNS)) for name, case in cases(rows).items()}
    for name, one in took.items():
        print(f"{name:<12} {len(WANTED[name]):>2} metrics, {rows} rows, 1,000 resamples: {one:.2f} s")
    results = {"rows": rows, "seconds": {name: round(one, 2) for name, one in took.items()}}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    return int(max(took.values()) >= MOST)


WANTED = {"binary": BINARY, "multiclass": MULTICLASS, "regression": REGRESSION}


def cases(rows: int) -> dict[str, tuple[list[Measure], Predicted]]:
    random = np.random.default_rng(1)
    truth = random.binomial(1, 0.2, rows)
    scores = np.clip(0.2 + 0.3 * truth + random.normal(0, 0.15, rows), 0, 1)
    several = random.integers(0, 3, rows)
    shares = random.dirichlet([1, 1, 1], rows)
    value = random.gamma(2.0, 10_000.0, rows) + 1
    guess = value * random.normal(1.0, 0.2, rows)
    return {
        "binary": (BINARY, predicted(Task("binary", "y", ("no", "yes")), truth, scores[:, None], 0.4)),
        "multiclass": (MULTICLASS, predicted(Task("multiclass", "y", ("a", "b", "c")), several, shares, 0.5)),
        "regression": (REGRESSION, predicted(Task("regression", "y"), value, guess[:, None], 0.5)),
    }


def seconds(wanted: list[Measure], seen: Predicted) -> float:
    """On one thread, as in training."""
    began = time.perf_counter()
    with one_thread():
        found = measure_all(wanted, seen, seed=42)
    if any(metric is None for metric in found.values()):
        raise ValueError(f"not measured: {[name for name, metric in found.items() if metric is None]}")
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
