"""Nothing is raced where two servers of one model answer differently."""

import pytest

from bench.racing.agreement import Disagreement, agree, differences
from bench.racing.contenders import body
from bench.racing.servers import ask, ours, started

FLOWER = {"features": [5.1, 3.5, 1.4, 0.2]}


def test_the_last_bits_may_differ():
    assert list(differences({"p": 0.3}, {"p": 0.3 * (1 + 5e-10)})) == []


def test_more_than_the_last_bits_may_not():
    assert list(differences({"p": 0.3}, {"p": 0.3000001})) == ["p: 0.3 and 0.3000001"]


def test_numbers_deep_inside_are_compared():
    one, another = ({"rows": [{"p": [0.5, 0.5]}, {"p": [value, 0.9]}]} for value in (0.1, 0.2))

    assert list(differences(one, another)) == ["rows[1].p[0]: 0.1 and 0.2"]


def test_a_missing_row_is_a_difference():
    assert list(differences({"rows": [1, 2]}, {"rows": [1]})) == ["rows: [1, 2] and [1]"]


def test_what_each_says_in_its_own_way_is_not_compared():
    assert list(differences({"p": 1, "model_version": "a"}, {"p": 1, "model_version": "b", "more": 2})) == []


def test_replies_that_have_nothing_in_common_are_no_agreement():
    assert list(differences({"p": 1}, {"price": 1})) == ["the reply: nothing is in both"]


@pytest.mark.integration
def test_two_models_are_not_raced_as_one(bundles):
    servers = [ours(str(bundles["ml-service"])), ours(str(bundles["ml-api"]), name="other")]
    flower = {"sepal_length": 6.3, "sepal_width": 2.5, "petal_length": 5.0, "petal_width": 1.9}

    with pytest.raises(Disagreement, match="row 0 of /predict: ours and other differ in"):
        agree(servers, "/predict", [body(flower)])


@pytest.mark.integration
def test_a_worker_without_telemetry_answers_the_same_and_counts_nothing(bundles):
    path = str(bundles["iris"])
    bare = ours(path, name="bare", module="bench.racing.bare")
    question = agree([ours(path), bare], "/predict", [body(FLOWER)])

    def counted(server):
        with started(server, question) as running:
            lines = ask(running.port, "/metrics")[1].decode().splitlines()
        start = 'towpath_requests_total{service="iris",route="/predict",status="200"} '
        return [line.removeprefix(start) for line in lines if line.startswith(start)]

    assert counted(ours(path)) == ["1"]
    assert counted(bare) in ([], ["0"])
