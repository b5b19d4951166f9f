"""An estimator of the user's own compiles by the user's own converter, through the same gate."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge

from tests.training.customers import COLUMNS, customers, leavers, proved, scores, spending
from tests.training.pipelines import scaled
from towpath.core.errors import VerificationRefused
from towpath.declare import converter
from towpath.declare.converters import CONVERTERS
from towpath.training import parity
from towpath.training.compile.model import compile_model


class Nearest(RegressorMixin, BaseEstimator):
    """The mean target, less the distance from the mean row."""

    def fit(self, rows: Any, target: Any) -> "Nearest":
        self.center_, self.mean_ = np.mean(rows, axis=0), np.mean(target)
        return self

    def predict(self, rows: Any) -> Any:
        return self.mean_ - np.sqrt(((np.asarray(rows) - self.center_) ** 2).sum(axis=1))


class Sure(ClassifierMixin, BaseEstimator):
    """Three times the first feature, as log odds."""

    def fit(self, rows: Any, target: Any) -> "Sure":
        self.classes_ = np.unique(target)
        return self

    def predict_proba(self, rows: Any) -> Any:
        found = 1.0 / (1.0 + np.exp(-3.0 * np.asarray(rows)[:, 0]))
        return np.column_stack([1.0 - found, found])


@pytest.fixture
def both() -> Iterator[None]:
    @converter(Nearest)
    def nearest(estimator: Any, graph: Any, features: str) -> Any:
        apart = graph.call("Sub", features, graph.constant(estimator.center_))
        squares = graph.call("ReduceSum", graph.call("Mul", apart, apart), graph.constant([1], np.int64))
        return graph.call("Sub", graph.constant(estimator.mean_), graph.call("Sqrt", squares))

    @converter(Sure, link="logistic")
    def sure(estimator: Any, graph: Any, features: str) -> Any:
        first = graph.call("Gather", features, graph.constant([0], np.int64), axis=1)
        return graph.call("Mul", first, graph.constant(3.0))

    yield
    CONVERTERS.clear()


@pytest.mark.usefixtures("both")
def test_an_estimator_of_ones_own_is_proved_like_any_other() -> None:
    value = scaled(Nearest()).fit(customers(), spending(customers()))
    classes = scaled(Sure()).fit(customers(), leavers(customers()))

    assert proved(value, customers(), COLUMNS).link == "identity"
    assert proved(classes, customers(), COLUMNS).link == "logistic"


@pytest.mark.usefixtures("both")
def test_it_may_be_a_member_and_says_that_it_has_no_contributions() -> None:
    model = VotingRegressor([("mine", scaled(Nearest())), ("line", scaled(Ridge()))])

    compiled = proved(model.fit(customers(), spending(customers())), customers(), COLUMNS)

    assert (compiled.explain, compiled.unexplained) == (None, "the converter of Nearest tells scores only")


def test_a_converter_that_says_something_else_is_caught_by_the_gate() -> None:
    CONVERTERS.clear()

    @converter(Nearest)
    def wrong(estimator: Any, graph: Any, features: str) -> Any:
        first = graph.call("Gather", features, graph.constant([0], np.int64), axis=1)
        return graph.call("Add", first, graph.constant(estimator.mean_))

    model = scaled(Nearest()).fit(customers(), spending(customers()))
    given = scores(compile_model(model, COLUMNS), parity.to_rows(customers(), COLUMNS))
    CONVERTERS.clear()

    with pytest.raises(VerificationRefused, match="parity does not hold on"):
        parity.prove(parity.predictions(model, customers()), given).require()


def test_without_a_converter_it_is_refused_by_name() -> None:
    model = scaled(Nearest()).fit(customers(), spending(customers()))

    with pytest.raises(VerificationRefused, match="is a Nearest, which has no converter"):
        compile_model(model, COLUMNS)
