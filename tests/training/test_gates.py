"""Gates answer from what was measured; what is missing never passes."""

import numpy as np
import pandas as pd
import pytest

from towpath.core.contract import Task
from towpath.core.evaluation import Metric, SliceMetric
from towpath.declare import at_least, at_most, no_worse_than_champion, recall, slices
from towpath.training.gates import measure_slices, pass_gates
from towpath.training.metrics import predicted

AUC = Metric("auc", 0.86, 0.84, 0.88, 2000)


def verdict(gate, measured=(AUC,), sliced=()) -> str:
    return pass_gates((gate,), measured, sliced)[0].verdict


def test_a_limit_passes_or_fails_with_the_metric_as_reason():
    assert verdict(at_least("auc", 0.86)) == "pass"
    assert verdict(at_least("auc", 0.87)) == "fail"
    assert verdict(at_most("rmse", 6000), (Metric("rmse", 6001.0, 1, 2, 3),)) == "fail"
    assert pass_gates((at_least("auc", 0.9),), (AUC,), ())[0].reason == "auc 0.8600 [0.8400, 0.8800]"


def test_a_missing_metric_fails():
    assert verdict(at_least("f1", 0.6)) == "fail"


def test_without_a_champion_nothing_was_compared_and_nothing_passes():
    assert verdict(no_worse_than_champion("auc", margin=0.01)) == "inconclusive"


def groups(*values: float) -> tuple[SliceMetric, ...]:
    measured = [Metric("recall", value, 0, 1, 100) for value in values]
    return tuple(SliceMetric("Gender", str(i), "recall", metric) for i, metric in enumerate(measured))


def test_groups_may_differ_by_no_more_than_the_gap():
    gate = slices("Gender", "recall", max_gap=0.08)

    assert verdict(gate, sliced=groups(0.60, 0.67)) == "pass"
    assert verdict(gate, sliced=groups(0.60, 0.69)) == "fail"


def test_a_group_whose_metric_is_not_defined_passes_nothing():
    undefined = SliceMetric("Gender", "m", "recall", None)
    [answer] = pass_gates((slices("Gender", "recall", max_gap=0.5),), (), (*groups(0.6), undefined))

    assert (answer.verdict, answer.reason) == (
        "inconclusive",
        "recall is not defined, or on fewer than 30 rows, for m",
    )


def test_one_group_alone_decides_nothing():
    assert verdict(slices("Gender", "recall", max_gap=0.08), sliced=groups(0.6)) == "inconclusive"


def test_each_group_is_measured_on_its_own_rows_and_small_ones_are_not():
    rows = pd.DataFrame({"Gender": ["f"] * 40 + ["m"] * 40 + ["x"] * 5})
    truth = np.ones(85, dtype=np.int64)
    scores = np.r_[np.full(40, 0.9), np.full(20, 0.9), np.full(25, 0.1)][:, None]
    seen = predicted(Task("binary", "y", ("no", "yes")), truth, scores, 0.5)

    found = measure_slices((slices("Gender", "recall", max_gap=0.1),), (recall("yes"),), seen, rows, seed=1)

    assert [(one.group, one.metric and (one.metric.value, one.metric.rows)) for one in found] == [
        ("f", (1.0, 40)),
        ("m", (0.5, 40)),
        ("x", None),
    ]


def test_a_field_that_the_rows_do_not_have_has_no_slices():
    seen = predicted(Task("binary", "y", ("no", "yes")), np.ones(3, dtype=np.int64), np.ones((3, 1)), 0.5)
    gate = slices("Colour", "recall", max_gap=0.1)

    assert measure_slices((gate,), (recall("yes"),), seen, pd.DataFrame({"Gender": ["f"] * 3}), seed=1) == ()
    assert verdict(gate) == "inconclusive"


@pytest.mark.feature("F245")
@pytest.mark.scenario("S063")
def test_each_limit_tells_its_metric_and_one_that_is_missing_fails():
    gates = (at_least("f1", 0.60), at_least("auc", 0.80), at_most("rmse", 6000))
    found = pass_gates(gates, (AUC, Metric("f1", 0.58, 0.5, 0.6, 2000)), ())

    assert [(one.verdict, one.reason) for one in found] == [
        ("fail", "f1 0.5800 [0.5000, 0.6000]"),
        ("pass", "auc 0.8600 [0.8400, 0.8800]"),
        ("fail", "rmse is not defined on the test rows"),
    ]
