"""A model ready to answer: its bundle verified, opened and golden-checked; rows in, replies out."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct

from towpath.bundle.read import Bundle, read_bundle
from towpath.core.answer import Answers, BatchId, BatchItem, Constant, Count, Release, RequestId, Seconds, Timestamp
from towpath.core.golden import GoldenRow
from towpath.engine.answers import Said, Seen
from towpath.engine.engine import Engine, open_engine
from towpath.serving.batching import Batcher
from towpath.serving.exchange import Exchange, header_lines
from towpath.serving.reading import Reader
from towpath.serving.remembering import Remembered
from towpath.serving.running import MARK

encode = msgspec.json.Encoder().encode

NOT_FINITE = "the model gave a number that is not finite"
SHOWN = 12  # digits of a bundle's id that people and labels are shown


Observe = Callable[[Sequence[Exchange], Sequence[Struct], Seen], None]
"""Told requests, their records and what was seen of them, after they were answered: one record each, or all of one."""


def unobserved(exchanges: Sequence[Exchange], records: Sequence[Struct], seen: Seen) -> None:
    """Nobody wants to know."""


def open_model(path: Path, call_soon: Callable[[Callable[[], None]], object]) -> "Model":
    """Read, verify, open and golden-check a bundle. Raises InfrastructureError, VerificationRefused or FormatTooNew."""
    bundle = read_bundle(path)
    engine = open_engine(bundle)
    prove(engine, bundle.golden())
    return Model(bundle, engine, bundle.name, call_soon)


def prove(engine: Engine, golden: Sequence[GoldenRow]) -> None:
    """Answer the golden rows. Raises VerificationRefused."""
    engine.check(golden)
    engine.see([engine.model.prepare(engine.read(row.record)) for row in golden[:1]])  # loads what contributions need


class Model:
    """What a service answers with. It never changes: another bundle is another model."""

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        release: str,
        call_soon: Callable[[Callable[[], None]], object],
        revision: str = "",
    ):
        self.bundle, self.engine, self.release, self.revision = bundle, engine, release, revision
        self.call_soon, self.short_id = call_soon, bundle.id[:SHOWN]
        self._mark = MARK.index(bundle.id)
        self.contract = bundle.contract
        self.classes = bundle.contract.task.classes or ("value",)
        self.reader = Reader(bundle.contract)
        self.prepare = engine.model.prepare
        self.observe: Observe = unobserved  # who installs it may want to know what it answers
        self.remembered: Remembered | None = None  # and may want it to remember some of it
        self.batcher = Batcher(self.see, call_soon)
        routed = {"X-Towpath-Revision": revision} if revision else {}
        self.identity = header_lines({"X-Towpath-Release": release, "X-Towpath-Bundle": bundle.id} | routed)
        self.json = header_lines({"Content-Type": "application/json"}) + self.identity

    def said(self, request_id: str = "") -> Said:
        return Said(self.release, timestamp(int(time.time())), request_id)

    def see(self, rows: Sequence[Any]) -> Seen:
        """What the engine sees of prepared records. Raises FloatingPointError where not all of it can be told."""
        MARK.enter(self._mark)
        try:
            seen = self.engine.see(rows)
        finally:
            MARK.leave()
        if not seen.finite:
            raise FloatingPointError(NOT_FINITE)
        return seen

    def replies(self, seen: Seen, said: Said) -> list[bytes]:
        """The answers as JSON."""
        return list(map(encode, self.engine.answerer.answers(seen, said)))

    def answers(self, records: Sequence[Struct], said: Said) -> tuple[Seen, list[dict[str, Any]]]:
        """What was seen and answered for a slice of a batch."""
        seen = self.see([self.prepare(record) for record in records])
        return seen, self.engine.answerer.answers(seen, said)

    def batch_reply(self, answers: Sequence[dict[str, Any]], said: Said, seconds: float) -> bytes:
        """The envelope of a batch around its answers."""
        given = {
            entry.name: _batch_item(entry.item, answers, said, seconds) for entry in self.contract.style.batch.reply
        }
        return encode(given)

    def explanation(self, record: Struct) -> dict[str, Any]:
        """What each field adds to the raw score of each output: base + sum of contributions = raw."""
        given = self.engine.contributions([record])[0]
        task = self.contract.task
        names = (
            [task.target]
            if task.kind == "regression"
            else [task.positive]
            if task.kind == "binary"
            else list(task.classes)
        )
        outputs = [
            {"of": name, "base": base, "raw": _added(base, parts), "contributions": parts}
            for name, base, parts in zip(names, given.base, given.parts, strict=True)
        ]
        return {"space": "score", "outputs": outputs, "release": self.release}


def _added(base: float, parts: Mapping[str, float]) -> float:
    """Raises FloatingPointError."""
    try:
        raw = base + math.fsum(parts.values())
    except (OverflowError, ValueError) as error:  # an infinite sum, or infinities of either sign
        raise FloatingPointError(NOT_FINITE) from error
    if not math.isfinite(raw):
        raise FloatingPointError(NOT_FINITE)
    return raw


@lru_cache(maxsize=4)  # one answer a second makes it, the others of that second read it
def timestamp(seconds: int) -> str:
    """UTC, `2026-11-21T10:57:22Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _batch_item(item: BatchItem, answers: Sequence[dict[str, Any]], said: Said, seconds: float) -> Any:
    match item:
        case Answers():
            return answers
        case Count():
            return len(answers)
        case BatchId():
            return f"batch_{uuid4().hex[:12]}"
        case Seconds():
            return round(seconds, 6)
        case Constant(value=value):
            return value
        case Release():
            return said.release
        case Timestamp():
            return said.timestamp
        case RequestId():
            return said.request_id
