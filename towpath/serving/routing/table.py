"""What a worker acts upon between two swaps: the routes, a model for each revision, and the choice between them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from towpath.core.routes import Routes
from towpath.core.traffic import Chooser, Copies, copies
from towpath.serving.exchange import Exchange
from towpath.serving.model import Model

Value = str | int | float | bool | None


class Table:
    """Never changed: a swap is one assignment of another one, so that a request sees all of it or nothing.

    models and shadows are by revision; a revision that is both has two, since a shadow runs in a thread of its own.
    """

    def __init__(self, routes: Routes, models: Mapping[int, Model], shadows: Mapping[int, Model]):
        self.routes, self.models, self.shadows = routes, models, shadows
        left_out = {one.number for one in routes.revisions if one.number not in models}
        self._chooser = Chooser(routes, left_out)
        self.headers = self._chooser.headers
        self.main = self._main()
        self.only = models[self._chooser.only] if self._chooser.only is not None else None
        self.copies: list[Copies] = copies(routes, {one.number for one in routes.revisions} - set(shadows))
        self.read_key = self._reader()

    def choose(self, exchange: Exchange, turns: Iterator[int]) -> Model | None:
        """The model for a request, the same for all of its records; None where no revision may answer."""
        if self.only is not None:
            return self.only
        key = self.read_key(exchange.body) if self.read_key else None
        number = self._chooser.choose(exchange.headers, key, turns)
        return self.models[number] if number is not None else None

    def _main(self) -> Model | None:
        """What speaks for the service where no record is asked about: the largest share, the newest among equals."""
        shares = [(one.percent, one.revision) for one in self.routes.traffic if one.percent]
        alive = [number for _, number in sorted(shares, reverse=True) if number in self.models]
        return self.models[alive[0]] if alive else None

    def _reader(self) -> Callable[[bytes], bytes | None] | None:
        field, main = self._chooser.sticky_field, self.main
        return sticky_reader(field, main.contract.style.batch.field) if field and main else None


def sticky_reader(field: str, batch: str) -> Callable[[bytes], bytes | None]:
    """Reads one field of a body and steps over the rest; of many records the first one's.

    So all records of a batch are answered by one revision. None where the field is missing, null or no plain value.
    """
    record = msgspec.defstruct("StickyRecord", [_optional("value", Value, field)])
    tensor = msgspec.defstruct("StickyTensor", [("name", str, ""), ("data", list[Any], [])])
    body = msgspec.defstruct(
        "StickyBody",
        [_optional("value", Value, field)]
        + ([_optional("records", list[record], batch)] if batch != field else [])  # type: ignore[valid-type]
        + ([_optional("inputs", list[tensor], "inputs")] if "inputs" not in (batch, field) else []),  # type: ignore[valid-type]
    )
    decode = msgspec.json.Decoder(body).decode

    def read(content: bytes) -> bytes | None:
        try:
            given = decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None  # whoever reads the whole will say what is wrong
        return _plain(_first_value(given, field))

    return read


def _optional(name: str, kind: Any, called: str) -> tuple[str, Any, Any]:
    return name, kind | msgspec.UnsetType, msgspec.field(default=UNSET, name=called)


def _first_value(given: Any, field: str) -> Any:
    if given.value is not UNSET:
        return given.value
    records = getattr(given, "records", UNSET)
    if records:
        return records[0].value
    inputs = getattr(given, "inputs", UNSET)
    for tensor in inputs or ():
        if tensor.name == field and tensor.data:
            first = tensor.data[0]
            return first[0] if isinstance(first, list) and first else first
    return None


def _plain(value: Any) -> bytes | None:
    """15634602, 15634602.0 and "15634602" are one caller."""
    match value:
        case str():
            return value.encode()
        case bool():
            return b"true" if value else b"false"
        case float() if value.is_integer():
            return b"%d" % int(value)
        case int() | float():
            return str(value).encode()
    return None
