"""The clients of a soak know what each revision replies, and tell every other reply."""

import json

import pytest

from bench.soaking.questions import ROWS, Given, agrees, ask_both, read_questions

RECORDS = [{"Age": age} for age in range(20)]


def given(number: int, add: float) -> Given:
    answers = [{"probability": one["Age"] / 100 + add, "model_version": f"churn@{number}"} for one in RECORDS]
    return Given(f"churn@{number}", f"{number}f" * 32, answers)


GIVEN = {"churn/prod#7": given(7, 0.0), "churn/prod#8": given(8, 0.5)}
QUESTIONS = ask_both(RECORDS, GIVEN, "predictions")
BATCH = len(RECORDS)  # the number of the first batch


def head(revision: int = 7, release: str = "churn@7", status: str = "200 OK") -> bytes:
    named = {"Release": release, "Bundle": "7f" * 32, "Revision": f"churn/prod#{revision}"}
    lines = [f"X-Towpath-{name}: {value}" for name, value in named.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, ""]).encode()


def single(record: int, **changes: object) -> bytes:
    return json.dumps(GIVEN["churn/prod#7"].answers[record] | {"timestamp": "now"} | changes).encode()


def batch(*answers: object) -> bytes:
    return json.dumps({"predictions": answers, "batch_id": "anything"}).encode()


def test_the_right_answer_is_fine():
    assert QUESTIONS.check(3, head(), single(3)) == ("churn/prod#7", "")


def test_a_batch_is_fine_where_all_its_answers_are():
    answers = GIVEN["churn/prod#7"].answers

    assert QUESTIONS.check(BATCH + 1, head(), batch(*answers[ROWS : 2 * ROWS])) == ("churn/prod#7", "")


def test_a_batch_of_two_revisions_is_found():
    mixed = [*GIVEN["churn/prod#7"].answers[: ROWS - 1], GIVEN["churn/prod#8"].answers[ROWS - 1]]

    assert "not" in QUESTIONS.check(BATCH, head(), batch(*mixed))[1]


def test_a_batch_that_is_too_short_is_found():
    assert QUESTIONS.check(BATCH, head(), batch(*GIVEN["churn/prod#7"].answers[: ROWS - 1]))[1]


@pytest.mark.parametrize(
    ("named", "body"),
    [
        (head(), single(4)),
        (head(), single(3, probability=0.03 + 1e-11)),
        (head(), single(3, more="than that")),
        (head(8, "churn@8"), single(3)),
        (head(9), single(3)),
        (head(release="churn@8"), single(3)),
        (head(status="503 Service Unavailable"), b"{}"),
        (b"HTTP/1.1 200 OK\r\n", single(3)),
    ],
)  # fmt: skip
def test_every_other_reply_is_found(named, body):
    assert QUESTIONS.check(3, named, body)[1]


def test_numbers_agree_up_to_the_last_bits():
    assert agrees({"a": [0.1 + 0.2]}, {"a": [0.3]})
    assert not agrees({"a": [0.3 + 1e-11]}, {"a": [0.3]})
    assert not agrees({"a": "0.3"}, {"a": 0.3})
    assert not agrees([1.0], [1.0, 2.0])


def test_revisions_that_answer_alike_are_refused():
    with pytest.raises(ValueError, match=r"answer records \[0, 1, 2, .* alike"):
        ask_both(RECORDS, {"churn/prod#7": given(7, 0.0), "churn/prod#8": given(8, 0.0)}, "predictions")


def test_what_is_written_for_the_clients_is_what_they_read(tmp_path):
    QUESTIONS.write(tmp_path / "questions.json")

    assert read_questions(tmp_path / "questions.json") == QUESTIONS


def test_each_request_says_its_length():
    for request in QUESTIONS.requests():
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.endswith(b"Content-Length: %d" % len(body))
