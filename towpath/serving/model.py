"""A model ready to answer: its bundle verified, opened and golden-checked; rows in, replies out."""

import math
import time
from collections.abc import Callable, Sequence
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

encode = msgspec.json.Encoder().encode

SHOWN = 12  # digits of a bundle's id that people and labels are shown


Observe = Callable[[Exchange, Sequence[Struct], Sequence[Seen]], None]
"""Told the request, its records and what was seen of each, after they were answered."""


def unobserved(exchange: Exchange, records: Sequence[Struct], seen: Sequence[Seen]) -> None:
    """Nobody wants to know."""


def open_model(path: Path, call_soon: Callable[[Callable[[], None]], object]) -> "Model":
    """Read, verify, open and golden-check a bundle. Raises InfrastructureError, VerificationRefused or FormatTooNew."""
    bundle = read_bundle(path)
    engine = open_engine(bundle)
    _prove(engine, bundle.golden())
    return Model(bundle, engine, bundle.name, call_soon)


def _prove(engine: Engine, golden: Sequence[GoldenRow]) -> None:
    engine.check(golden)
    engine.see([engine.model.prepare(engine.read(row.record)) for row in golden[:1]])  # loads what contributions need


class Model:
    """What a service answers with. It never changes: another bundle is another model."""

    def __init__(self, bundle: Bundle, engine: Engine, release: str, call_soon: Callable[[Callable[[], None]], object]):
        self.bundle, self.engine, self.release = bundle, engine, release
        self.call_soon, self.short_id = call_soon, bundle.id[:SHOWN]
        self.contract = bundle.contract
        self.classes = bundle.contract.task.classes or ("value",)
        self.reader = Reader(bundle.contract)
        self.prepare = engine.model.prepare
        self.observe: Observe = unobserved  # who installs it may want to know what it answers
        self.batcher = Batcher(engine.see, call_soon)
        self.identity = header_lines({"X-Towpath-Release": release, "X-Towpath-Bundle": bundle.id})
        self.json = header_lines({"Content-Type": "application/json"}) + self.identity

    def said(self, request_id: str) -> Said:
        return Said(self.release, timestamp(int(time.time())), request_id)

    def reply(self, seen: Seen, said: Said) -> bytes:
        """One answer as JSON. Raises FloatingPointError: JSON would show a number that is none as null."""
        refuse_non_finite(seen)
        return encode(self.engine.answerer.answer(seen, said))

    def replies(self, records: Sequence[Struct], said: Said) -> list[tuple[Seen, bytes]]:
        """What was seen and answered for each record of a slice."""
        return [(one, self.reply(one, said)) for one in self.engine.see([self.prepare(record) for record in records])]

    def batch_reply(self, replies: Sequence[bytes], said: Said, seconds: float) -> bytes:
        """The envelope of a batch around its answers."""
        given = {
            entry.name: _batch_item(entry.item, replies, said, seconds) for entry in self.contract.style.batch.reply
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
            {"of": name, "base": base, "raw": base + math.fsum(parts.values()), "contributions": parts}
            for name, base, parts in zip(names, given.base, given.parts, strict=True)
        ]
        return {"space": "score", "outputs": outputs, "release": self.release}


def refuse_non_finite(seen: Seen) -> None:
    parts = seen.contributions.parts if seen.contributions is not None else ()
    if not all(map(math.isfinite, seen.scores)) or not all(math.isfinite(sum(part.values())) for part in parts):
        raise FloatingPointError("the model gave a number that is not finite")


@lru_cache(maxsize=4)  # one answer a second makes it, the others of that second read it
def timestamp(seconds: int) -> str:
    """UTC, `2026-11-21T10:57:22Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _batch_item(item: BatchItem, replies: Sequence[bytes], said: Said, seconds: float) -> Any:
    match item:
        case Answers():
            return msgspec.Raw(b"[" + b",".join(replies) + b"]")
        case Count():
            return len(replies)
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
