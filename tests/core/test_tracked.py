"""Names of metrics, parameters and aliases as experiment trackers take them."""

import pytest

from towpath.core.errors import UsageError
from towpath.core.evaluation import Evaluation, Metric, ParityResult, SliceMetric
from towpath.core.tracked import check_alias, metrics_of, params_of, plain


def test_a_metric_has_both_ends_of_its_interval():
    evaluation = Evaluation(9, (Metric("auc", 0.8, 0.7, 0.9, 9),), ParityResult(1, 0.0, 1e-9, 0))

    assert metrics_of(evaluation) == {"auc": 0.8, "auc_lo": 0.7, "auc_hi": 0.9}


def test_a_slice_is_named_by_field_group_and_metric_and_an_undefined_one_is_left_out():
    slices = (
        SliceMetric("Gender", "Fe/male?", "recall", Metric("recall", 0.5, 0.4, 0.6, 40)),
        SliceMetric("Gender", "x", "recall", None),
    )
    evaluation = Evaluation(9, (), ParityResult(1, 0.0, 1e-9, 0), slices=slices)

    assert list(metrics_of(evaluation)) == [
        f"slices/Gender/Fe/male_/recall{end}" for end in ("", "_lo", "_hi")
    ]  # fmt: skip


def test_odd_characters_become_an_underscore():
    assert plain("lift@10%: ä") == "lift_10__ ä"


def test_parameters_are_words():
    assert params_of({"max_depth": None, "C": 0.5}) == {"max_depth": "None", "C": "0.5"}


@pytest.mark.parametrize("name", ["prod", "prod-previous", "vermont", "v1x"])
def test_an_environments_name_may_be_an_alias(name: str):
    check_alias(name)


@pytest.mark.parametrize("name", ["latest", "v1", "V20"])
def test_mlflows_own_names_may_not(name: str):
    with pytest.raises(UsageError, match="MLflow keeps it for itself"):
        check_alias(name)
