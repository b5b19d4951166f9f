"""A style keeps the outer shape of replies: errors, home, health and the batch envelope."""

from typing import Literal

from msgspec import Struct

from towpath.core.answer import Answers, BatchAnswer, BatchId, Count, Seconds

MessageKind = Literal["missing", "invalid"]


class Message(Struct, frozen=True, tag_field="home", tag="message", omit_defaults=True, forbid_unknown_fields=True):
    """`GET /` answers a message, and beside it the version and where documentation and health are, where asked for."""

    text: str
    also: tuple[Literal["version", "docs", "health"], ...] = ()


class Redirect(Struct, frozen=True, tag_field="home", tag="redirect", omit_defaults=True, forbid_unknown_fields=True):
    """`GET /` answers 307 to a path of the service."""

    to: str = "/docs"


class Endpoints(Struct, frozen=True, tag_field="home", tag="endpoints", forbid_unknown_fields=True):
    """`GET /` answers the service's name, its version and a list of endpoints."""

    service: str
    endpoints: tuple[tuple[str, str], ...]


class Health(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`GET /health`: its fields, and the word for good health."""

    fields: tuple[Literal["status", "model_loaded", "uptime_seconds", "version"], ...] = ("status",)
    word: str = "healthy"


DEFAULT_REPLY = (
    BatchAnswer("answers", Answers()),
    BatchAnswer("count", Count()),
    BatchAnswer("batch_id", BatchId()),
    BatchAnswer("seconds", Seconds()),
)


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """The batch envelope: the field that holds the records, how many it may hold, and the reply."""

    field: str = "records"
    max: int = 1000
    reply: tuple[BatchAnswer, ...] = DEFAULT_REPLY


class Style(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The outer shape of a service's replies.

    errors: `towpath` {"error": {...}}, `fastapi` 422 {"detail": [...]}, `flask` 400 {"error": "..."}.
    messages: fixed sentences of the flask style, by field: what is said when it is missing, and when it is invalid.
    numeric_strings: a number may come as a string, as the fastapi originals allow.
    """

    errors: Literal["towpath", "fastapi", "flask"] = "towpath"
    messages: tuple[tuple[str, MessageKind, str], ...] = ()
    home: Message | Redirect | Endpoints | None = None
    health: Health = Health()
    batch: Batch = Batch()
    numeric_strings: bool = False
