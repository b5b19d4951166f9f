"""A model that has a threshold of its own is refused as a whole, and is welcome inside others."""

import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.training.customers import columns_of, customers, leavers, proved
from towpath.core.errors import VerificationRefused
from towpath.training.compile.model import compile_model
from towpath.training.compile.text import compile_text

FRAME = customers()[["Age", "Balance"]]
LEFT = (leavers(customers()) == "leaves").astype(int)


def line() -> object:
    return make_pipeline(StandardScaler(), LogisticRegression())


@pytest.mark.parametrize("kind", [FixedThresholdClassifier, TunedThresholdClassifierCV])
def test_a_model_with_its_own_threshold_is_refused_by_name(kind: type) -> None:
    with pytest.raises(VerificationRefused, match=f"{kind.__name__}, whose threshold would be lost") as refusal:
        compile_model(kind(line()).fit(FRAME, LEFT), columns_of(FRAME))

    assert 'threshold=best_for("f1")' in refusal.value.hint


def test_the_hint_names_the_threshold_that_was_set() -> None:
    with pytest.raises(VerificationRefused) as refusal:
        compile_model(FixedThresholdClassifier(line(), threshold=0.9).fit(FRAME, LEFT), columns_of(FRAME))

    assert "threshold=0.9 in the service" in refusal.value.hint


def test_it_is_found_behind_a_pipeline_and_a_frozen_estimator() -> None:
    inside = make_pipeline(StandardScaler(), FixedThresholdClassifier(LogisticRegression(), threshold=0.9))

    with pytest.raises(VerificationRefused, match="FixedThresholdClassifier"):
        compile_model(FrozenEstimator(inside.fit(FRAME, LEFT)), columns_of(FRAME))


def test_a_text_model_is_asked_the_same() -> None:
    model = make_pipeline(TfidfVectorizer(), FixedThresholdClassifier(LogisticRegression(), threshold=0.9))

    with pytest.raises(VerificationRefused, match="whose threshold would be lost"):
        compile_text(model.fit(["good boat", "bad boat"] * 10, [1, 0] * 10))


def test_as_a_member_it_is_asked_for_probabilities_alone() -> None:
    members = [("a", FixedThresholdClassifier(line(), threshold=0.9)), ("b", TunedThresholdClassifierCV(line()))]

    proved(VotingClassifier(members, voting="soft").fit(FRAME, LEFT), FRAME, columns_of(FRAME))
