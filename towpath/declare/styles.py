"""Styles as a user writes them."""

from collections.abc import Mapping
from typing import Literal

from towpath.core import style as record
from towpath.core.answer import BatchAnswer, BatchItem
from towpath.core.style import Endpoints, Message, MessageKind, Redirect


def Style(  # reads like the record that it makes
    errors: Literal["towpath", "fastapi", "flask"] = "towpath",
    *,
    messages: Mapping[tuple[str, MessageKind], str] | None = None,
    home: Message | Redirect | Endpoints | None = None,
    health: record.Health | None = None,
    batch: record.Batch | None = None,
) -> record.Style:
    """The outer shape of replies. messages: {("text", "missing"): "Request must include a 'text' field"}."""
    fixed = tuple((field, kind, sentence) for (field, kind), sentence in (messages or {}).items())
    return record.Style(
        errors=errors,
        messages=fixed,
        home=home,
        health=health or record.Health(),
        batch=batch or record.Batch(),
        numeric_strings=errors == "fastapi",
    )


def Health(
    *fields: Literal["status", "model_loaded", "uptime_seconds", "version"], word: str = "healthy"
) -> record.Health:
    """`Health("status", "version", word="ok")`"""
    return record.Health(fields or ("status",), word)


def Batch(field: str = "records", *, max: int = 1000, reply: Mapping[str, BatchItem] | None = None) -> record.Batch:
    """`Batch("customers", max=1000, reply={"predictions": answers(), "total_customers": count()})`"""
    entries = tuple(BatchAnswer(name, item) for name, item in (reply or {}).items())
    return record.Batch(field, max, entries or record.DEFAULT_REPLY)


def message(text: str, *also: Literal["version", "docs", "health"]) -> Message:
    """`GET /` says a sentence, and beside it what is asked for."""
    return Message(text, also)


def redirect(to: str = "/docs") -> Redirect:
    """`GET /` sends on to another path of the service."""
    return Redirect(to)


def endpoints(service: str, listed: Mapping[str, str]) -> Endpoints:
    """`GET /` lists endpoints: {"/predict": "POST - Sentiment prediction"}."""
    return Endpoints(service, tuple(listed.items()))
