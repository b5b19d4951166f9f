"""What the clients ask, and what each revision replies to it, computed by the engine before anybody serves."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SINGLES = 200
ROWS = 10  # of a batch, which must be one revision's as a whole
TOLERANCE = 1e-12
CHANGES = ("prediction_timestamp", "timestamp")  # of an answer, whoever gives it
HEADER = re.compile(rb"\r\nX-Towpath-(Revision|Release|Bundle): ([^\r]*)")


@dataclass(frozen=True)
class Given:
    """What a revision tells of itself in the head, and its answers to the single records."""

    release: str
    bundle: str
    answers: list[dict[str, Any]]


@dataclass(frozen=True)
class Questions:
    """Bodies for /predict and /predict_batch; the answers to a batch are those to its records."""

    singles: list[str]
    batches: list[str]
    answers_named: str  # where a batch's reply has its answers
    given: dict[str, Given]  # by revision

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    def requests(self, *headers: str) -> list[bytes]:
        """As they go over the wire."""
        return [
            *(_post("/predict", body, headers) for body in self.singles),
            *(_post("/predict_batch", body, headers) for body in self.batches),
        ]

    def check(self, number: int, head: bytes, body: bytes) -> tuple[str, str]:
        """The revision that a reply to that request names, and what is wrong with it, "" where nothing is."""
        named = {found[0]: found[1].decode() for found in HEADER.findall(head)}
        revision = named.get(b"Revision", "")
        if not head.startswith(b"HTTP/1.1 200 "):
            return revision, f"{head.splitlines()[0].decode()}: {body[:200].decode(errors='replace')}"
        given = self.given.get(revision)
        if given is None:
            return revision, f"{revision!r} is no revision"
        if (named.get(b"Release"), named.get(b"Bundle")) != (given.release, given.bundle):
            return revision, f"{revision} is said to be {named}"
        found, expected = self._answers(number, body), self._expected(number, given)
        if not agrees(found, expected):
            return revision, f"{revision} answered {found} to request {number}, not {expected}"
        return revision, ""

    def _answers(self, number: int, body: bytes) -> list[dict[str, Any]]:
        reply = json.loads(body)
        return [_lasting(one) for one in ([reply] if number < len(self.singles) else reply[self.answers_named])]

    def _expected(self, number: int, given: Given) -> list[dict[str, Any]]:
        batch = number - len(self.singles)
        return given.answers[number : number + 1] if batch < 0 else given.answers[batch * ROWS : (batch + 1) * ROWS]


def read_questions(path: Path) -> Questions:
    told = json.loads(path.read_text())
    given = {name: Given(**one) for name, one in told.pop("given").items()}
    return Questions(**told, given=given)


def ask_both(records: Sequence[dict[str, object]], given: Mapping[str, Given], answers_named: str) -> Questions:
    """The questions of so many records. Raises ValueError where two revisions give the same answer to one of them."""
    if alike := _alike([one.answers for one in given.values()]):
        raise ValueError(f"the revisions answer records {alike} alike: nothing could be told by them")
    starts = range(0, len(records), ROWS)
    batches = [json.dumps({"customers": records[start : start + ROWS]}) for start in starts]
    return Questions([json.dumps(one) for one in records], batches, answers_named, dict(given))


def agrees(found: Any, expected: Any) -> bool:
    """Whether they are equal, numbers up to TOLERANCE."""
    if found == expected:
        return True
    if isinstance(expected, float) and isinstance(found, int | float):
        return abs(found - expected) <= TOLERANCE
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(agrees(found[name], expected[name]) for name in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(agrees, found, expected))
    return False


def lasting(answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """As they come out of JSON, without what changes from one time to the next."""
    return [_lasting(json.loads(json.dumps(one))) for one in answers]


def _lasting(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in CHANGES}


def _alike(answers: Sequence[Sequence[dict[str, Any]]]) -> list[int]:
    """Records to which two revisions give the same, but for the name of the release."""
    nameless = [[one | {"model_version": ""} for one in some] for some in answers]
    return [index for index, some in enumerate(zip(*nameless, strict=True)) if agrees(some[0], some[1])]


def _post(path: str, body: str, headers: Sequence[str]) -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    told = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}"
    return told.encode()
