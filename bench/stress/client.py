"""Raw HTTP over asyncio: connections that send what they are given, and tell status, head and seconds of the reply."""

import asyncio
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")
BROKEN = 0  # the status of a request whose connection ended


@dataclass(frozen=True)
class Reply:
    """What came back, and how many seconds after it was asked."""

    status: int
    seconds: float
    head: bytes = b""


class Asking(asyncio.Protocol):
    """One keep-alive connection with at most one request under way; `done` gets it back with its reply."""

    def __init__(self, done: Callable[["Asking", Reply], None]):
        self._done, self._heard, self._asked = done, b"", 0.0
        self.alive = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def ask(self, request: bytes) -> None:
        self._heard, self._asked = b"", time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, gap, body = self._heard.partition(b"\r\n\r\n")
        if gap and len(body) >= int(LENGTH.search(head + b"\r\n")[1]):  # type: ignore[index]
            self._tell(Reply(int(head.split(b" ", 2)[1]), time.perf_counter() - self._asked, head))

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        if self._asked:
            self._tell(Reply(BROKEN, time.perf_counter() - self._asked))

    def _tell(self, reply: Reply) -> None:
        self._asked = 0.0
        self._done(self, reply)


def post(path: str, body: bytes) -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)


def customers(count: int, seed: int = 42) -> list[dict[str, object]]:
    """Different customers, each valid."""
    rng = random.Random(seed)
    return [
        {
            "CreditScore": rng.randint(350, 850), "Geography": rng.choice(["France", "Germany", "Spain"]),
            "Gender": rng.choice(["Female", "Male"]), "Age": rng.randint(18, 90), "Tenure": rng.randint(0, 10),
            "Balance": round(rng.random() * 1e5, 2), "NumOfProducts": rng.randint(1, 4), "HasCrCard": 1,
            "IsActiveMember": rng.randint(0, 1), "EstimatedSalary": round(rng.random() * 1e5, 2),
        }
        for _ in range(count)
    ]  # fmt: skip


def batches(rows: int, count: int = 50) -> list[bytes]:
    """Requests of so many records each."""
    return [post("/predict_batch", json.dumps({"customers": customers(rows, seed)}).encode()) for seed in range(count)]


def singles(count: int = 200) -> list[bytes]:
    return [post("/predict", json.dumps(one).encode()) for one in customers(count)]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")
