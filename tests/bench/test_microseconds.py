"""An answer taken apart in process, from the pieces that workers are made of."""

import json

import pytest

from bench.microseconds import parts
from bench.racing.contenders import body

CUSTOMER = {
    "CreditScore": 585, "Geography": "France", "Gender": "Male", "Age": 36, "Tenure": 7, "Balance": 0.0,
    "NumOfProducts": 2, "HasCrCard": 1, "IsActiveMember": 0, "EstimatedSalary": 94283.09,
}  # fmt: skip
TOLD = ("read the request", "decode", "a row of", "queue", "run the model", "make the answer", "encode", "head and",
        "count and time", "count classes", "the rest", "the whole", "socket", "prediction log")  # fmt: skip


@pytest.fixture(scope="module")
def taken_apart(bundles):
    bodies = [body({**CUSTOMER, "Age": age}) for age in range(20, 60)]
    return parts(str(bundles["bankchurn"]), bodies, repeats=2)


def test_every_part_of_an_answer_is_told(taken_apart):
    assert [part for part in TOLD if not any(part in name for name in taken_apart)] == []


def test_every_part_takes_its_time_but_what_is_left_over(taken_apart):
    assert [name for name, told in taken_apart.items() if min(told.values()) <= 0 and name != "the rest"] == []


def test_the_parts_and_the_rest_are_the_whole(taken_apart):
    names = list(taken_apart)
    inside = names[: names.index("the whole")]

    for crowd in ("one", "crowd"):
        assert sum(taken_apart[name][crowd] for name in inside) == pytest.approx(taken_apart["the whole"][crowd])


def test_a_record_that_is_refused_is_not_measured(bundles):
    with pytest.raises(RuntimeError, match="422"):
        parts(str(bundles["bankchurn"]), [json.dumps({**CUSTOMER, "Age": 7}).encode()], repeats=1)
