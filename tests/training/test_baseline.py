"""The baseline is scikit-learn's dummy."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from towpath.core.contract import Task
from towpath.declare import accuracy, auc, brier, precision, rmse
from towpath.training.baseline import guess, measure_baseline
from towpath.training.metrics import predicted

TWO = Task("binary", "y", ("no", "yes"))
THREE = Task("multiclass", "y", ("a", "b", "c"))
NUMBER = Task("regression", "y")


@pytest.mark.parametrize("task", [TWO, THREE], ids=["two", "three"])
def test_of_classes_it_says_their_shares_and_decides_for_the_most_frequent(task: Task):
    random = np.random.default_rng(1)
    known, truth = (random.choice(len(task.classes), rows) for rows in (300, 50))
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((300, 1)), known)
    expected = dummy.predict_proba(np.zeros((50, 1)))
    scores = np.zeros((50, 1 if task is TWO else 3))

    found = guess(predicted(task, truth, scores, 0.5), known)

    assert found.scores == pytest.approx(expected[:, 1:] if task is TWO else expected)
    assert found.decisions.tolist() == dummy.predict(np.zeros((50, 1))).tolist()


@pytest.mark.feature("F239")
def test_of_a_value_it_says_the_median_and_the_gain_has_an_interval_and_a_p_value():
    random = np.random.default_rng(1)
    known, truth = random.normal(10, 3, 300), random.normal(10, 3, 200)
    seen = predicted(NUMBER, truth, (truth + random.normal(0, 1, 200))[:, None], 0.5)
    dummy = DummyRegressor(strategy="median").fit(np.zeros((300, 1)), known).predict(np.zeros((200, 1)))

    found = measure_baseline([rmse()], seen, known, seed=1)

    assert found.kind == "median"
    (delta,) = found.deltas
    assert delta.other == pytest.approx(np.sqrt(((dummy - truth) ** 2).mean()))
    assert delta.low < delta.delta < delta.high < 0
    assert delta.p == pytest.approx(2 / 1001)


def test_what_it_has_no_number_for_is_left_out():
    truth = np.array([0, 1] * 30)
    seen = predicted(TWO, truth, truth[:, None] * 0.9, 0.5)
    found = measure_baseline([auc(), precision("yes"), accuracy(), brier()], seen, np.array([0, 0, 1]), seed=1)

    assert [delta.name for delta in found.deltas] == ["auc", "accuracy", "brier"]
    assert found.deltas[0].other == 0.5
