"""Groups side by side: the numbers are those of a hand count, and too few rows are said and judge nothing."""

import numpy as np
import pandas as pd
import pytest

from towpath.core.contract import Task
from towpath.core.evaluation import Fairness
from towpath.declare import fair
from towpath.training.fairness import measure_fairness
from towpath.training.gates import pass_gates
from towpath.training.metrics import Predicted

TWO = Task("binary", "y", ("no", "yes"))


def decided(*groups: tuple[str, int, int, int, int]) -> tuple[Fairness, ...]:
    """Groups by name with how many rows they have as tp, fp, fn, tn."""
    truth, said, names = [], [], []
    for name, tp, fp, fn, tn in groups:
        truth += [1] * tp + [0] * fp + [1] * fn + [0] * tn
        said += [1] * tp + [1] * fp + [0] * fn + [0] * tn
        names += [name] * (tp + fp + fn + tn)
    decisions = np.array(said)
    seen = Predicted(TWO, np.array(truth), decisions[:, None].astype(float), decisions)
    return measure_fairness(["Gender"], seen, pd.DataFrame({"Gender": names}), seed=1)


def verdict(gate, found: tuple[Fairness, ...]) -> str:
    return pass_gates((gate,), (), (), found)[0].verdict


def many(group: tuple[str, int, int, int, int]) -> tuple[str, int, int, int, int]:
    """The same rates on ten times the rows."""
    name, *counts = group
    tp, fp, fn, tn = (10 * count for count in counts)
    return (name, tp, fp, fn, tn)


WOMEN, MEN = ("f", 30, 10, 10, 50), ("m", 20, 5, 20, 55)


@pytest.mark.feature("F502")
@pytest.mark.scenario("S117")
def test_rates_impact_and_gap_are_those_of_a_hand_count():
    (found,) = decided(WOMEN, MEN)

    women, men = found.groups
    assert (women.selected, women.recall, women.false_positives, women.precision) == pytest.approx(
        (0.4, 0.75, 10 / 60, 0.75)
    )
    assert (men.selected, men.recall, men.impact) == pytest.approx((0.25, 0.5, 0.625))
    assert found.reference == "f"
    assert found.impact is not None
    assert found.gap is not None
    assert (found.impact.value, found.gap.value) == pytest.approx((0.625, 0.25))
    assert found.impact.low < 0.625 < found.impact.high


@pytest.mark.feature("F503")
def test_the_gate_bounds_impact_and_gap():
    found = decided(many(WOMEN), many(MEN))

    assert verdict(fair("Gender", min_impact=0.8), found) == "fail"
    assert verdict(fair("Gender", min_impact=0.6), found) == "pass"
    assert verdict(fair("Gender", max_gap=0.3, min_impact=None), found) == "pass"
    assert verdict(fair("Gender", max_gap=0.1, min_impact=None), found) == "fail"


def test_a_group_of_few_rows_is_said_and_lets_nothing_pass():
    found = decided(WOMEN, MEN, ("x", 1, 1, 1, 1))

    assert found[0].small == ("x",)
    assert found[0].groups[2].selected is None
    assert verdict(fair("Gender", min_impact=0.5), found) == "inconclusive"
    assert verdict(fair("Gender", min_impact=0.99), found) == "fail"
    [answer] = pass_gates((fair("Gender", min_impact=0.5),), (), (), found)
    assert "fewer than 30 rows: x" in answer.reason


def test_one_group_alone_is_not_compared():
    found = decided(WOMEN)

    assert (found[0].impact, found[0].gap) == (None, None)
    assert verdict(fair("Gender"), found) == "inconclusive"


def test_where_nobody_is_selected_there_is_no_ratio():
    found = decided(("f", 0, 0, 20, 40), ("m", 0, 0, 20, 40))

    assert found[0].impact is None
    assert verdict(fair("Gender"), found) == "inconclusive"


def test_a_gap_without_a_true_row_in_a_group_is_not_defined():
    found = decided(WOMEN, ("m", 0, 10, 0, 50))

    assert found[0].gap is None
    assert verdict(fair("Gender", max_gap=0.5, min_impact=None), found) == "inconclusive"


def test_a_field_that_the_rows_do_not_have_is_inconclusive():
    seen = Predicted(TWO, np.array([0, 1] * 40), np.zeros((80, 1)), np.zeros(80, dtype=int))
    found = measure_fairness(["Colour"], seen, pd.DataFrame({"Gender": ["f"] * 80}), seed=1)

    assert verdict(fair("Colour"), found) == "inconclusive"


def test_a_number_outside_whose_interval_spans_the_limit_is_inconclusive():
    found = decided(WOMEN, MEN)
    impact, gap = found[0].impact, found[0].gap
    assert impact is not None and gap is not None

    assert impact.value < 0.8 < impact.high
    assert verdict(fair("Gender", min_impact=0.8), found) == "inconclusive"
    assert gap.low < 0.2 < gap.value
    assert verdict(fair("Gender", min_impact=None, max_gap=0.2), found) == "inconclusive"
    [answer] = pass_gates((fair("Gender", min_impact=0.8),), (), (), found)
    assert "outside the limit, but its interval spans it" in answer.reason
    assert verdict(fair("Gender", min_impact=0.99, max_gap=0.2), found) == "fail"


def test_fair_models_of_few_rows_seldom_fail():
    random = np.random.default_rng(1)
    verdicts = []
    for _ in range(60):
        names, truth = random.choice(["a", "b", "c"], 600), (random.random(600) < 0.3).astype(int)
        said = (random.random(600) < 0.3).astype(int)
        seen = Predicted(TWO, truth, said[:, None].astype(float), said)
        verdicts.append(verdict(fair("G"), measure_fairness(["G"], seen, pd.DataFrame({"G": names}), seed=1)))

    assert verdicts.count("fail") <= 6
    assert verdicts.count("inconclusive") >= 6
