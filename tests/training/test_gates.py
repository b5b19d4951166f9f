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


@pytest.mark.scenario("S063")
def test_a_limit_passes_or_fails_with_the_metric_as_reason():
    assert verdict(at_least("auc", 0.86)) == "pass"
    assert verdict(at_least("auc", 0.87)) == "fail"
    assert verdict(at_most("rmse", 6000), (Metric("rmse", 6001.0, 1, 2, 3),)) == "fail"
    assert pass_gates((at_least("auc", 0.9),), (AUC,), ())[0].reason == "auc 0.8600 [0.8400, 0.8800]"


@pytest.mark.scenario("S063")
def test_a_missing_metric_fails_and_so_does_one_that_is_no_number():
    assert verdict(at_least("f1", 0.6)) == "fail"
    assert verdict(at_least("f1", 0.6), (Metric("f1", float("nan"), 0, 0, 3),)) == "fail"


def test_the_first_candidate_has_no_champion_to_beat():
    assert verdict(no_worse_than_champion("auc", margin=0.01)) == "pass"


def groups(*values: float) -> tuple[SliceMetric, ...]:
    return tuple(SliceMetric("Gender", str(i), Metric("recall", value, 0, 1, 100)) for i, value in enumerate(values))


def test_groups_may_differ_by_no_more_than_the_gap():
    gate = slices("Gender", "recall", max_gap=0.08)

    assert verdict(gate, sliced=groups(0.60, 0.67)) == "pass"
    assert verdict(gate, sliced=groups(0.60, 0.69)) == "fail"


def test_one_group_alone_decides_nothing():
    assert verdict(slices("Gender", "recall", max_gap=0.08), sliced=groups(0.6)) == "inconclusive"


def test_each_group_is_measured_on_its_own_rows_and_small_ones_are_left_out():
    rows = pd.DataFrame({"Gender": ["f"] * 40 + ["m"] * 40 + ["x"] * 5})
    truth = np.ones(85, dtype=np.int64)
    scores = np.r_[np.full(40, 0.9), np.full(20, 0.9), np.full(25, 0.1)][:, None]
    seen = predicted(Task("binary", "y", ("no", "yes")), truth, scores, 0.5)

    found = measure_slices((slices("Gender", "recall", max_gap=0.1),), (recall("yes"),), seen, rows, seed=1)

    assert [(one.group, one.metric.value, one.metric.rows) for one in found] == [("f", 1.0, 40), ("m", 0.5, 40)]
