"""Bodies to records: a fast decoder first; only what it refuses is looked at again, field by field, for every fault."""

import gc
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, structs

from towpath.core.contract import Contract, record_type
from towpath.core.faults import Fault, SecondLook

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""All three that msgspec raises for bad bytes: the second for UTF-8 in a key, the third for deep nesting."""

MOST_FAULTS = 100  # told of one batch: a thousand broken records would make a reply of a megabyte


class BreaksContract(Exception):
    """What a client sent is not what the contract asks for."""

    def __init__(self, faults: Sequence[Fault]):
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


class Reader:
    """Reads the records of one contract. unknown_seen counts fields that no contract knows."""

    def __init__(self, contract: Contract):
        self.contract = contract
        self.unknown_seen = 0
        self._look = SecondLook(contract)
        self.names = self._look.names
        self._kind = record_type(contract)
        # Records without unknown fields, which are nearly all, decode at once; so the others can be counted exactly.
        exact = record_type(structs.replace(contract, strict=True))
        self.quick = msgspec.json.Decoder(exact).decode  # raises what is UNREADABLE; then a second look is due
        self._batch = msgspec.json.Decoder(self._batch_type(exact))
        self._open_record, self._open_batch = (
            msgspec.json.Decoder(self._kind),
            msgspec.json.Decoder(self._batch_type(self._kind)),
        )

    def record(self, body: bytes) -> Struct:
        """One record. Raises BreaksContract with every fault."""
        try:
            return self.quick(body)
        except UNREADABLE:
            return self.second_look(body)

    def batch(self, body: bytes) -> list[Struct]:
        """The records of a batch's envelope. Raises BreaksContract."""
        try:
            return getattr(self._batch.decode(body), self._envelope)
        except UNREADABLE:
            return self._second_look_at_batch(body)

    def plain(self, record: Any, path: tuple[str | int, ...] = ()) -> Struct:
        """A record from plain values, as other protocols bring them. Raises BreaksContract."""
        understood, faults = self._look(record, path)
        if faults:
            raise BreaksContract(faults)
        return msgspec.convert(understood, self._kind)

    @property
    def _envelope(self) -> str:
        return self.contract.style.batch.field

    def _batch_type(self, kind: type[Struct]) -> type[Struct]:
        records = Annotated[list[kind], Meta(min_length=1, max_length=self.contract.style.batch.max)]  # type: ignore[valid-type]
        return msgspec.defstruct("Batch", [(self._envelope, records)], gc=False)

    def second_look(self, body: bytes) -> Struct:
        """A record that the quick decoder refused, with what it has too much. Raises BreaksContract."""
        given = self._decoded(body)
        unknown = self._look.unknown(given) if isinstance(given, dict) else []
        if not unknown:
            return self.plain(given)  # raises, unless its numbers are strings where they may be
        try:
            record = self._open_record.decode(body)
        except UNREADABLE:
            record = self.plain(given)
        self.unknown_seen += len(unknown)
        return record

    def _second_look_at_batch(self, body: bytes) -> list[Struct]:
        given = self._decoded(body)
        try:
            records: list[Struct] = getattr(self._open_batch.decode(body), self._envelope)
        except UNREADABLE:
            records = self._plain_batch(given)
        self.unknown_seen += sum(len(self._look.unknown(record)) for record in given[self._envelope])
        return records

    def _decoded(self, body: bytes) -> Any:
        try:
            return _plain(body)
        except UNREADABLE as error:
            if not body.strip() and self.contract.style.errors == "fastapi":
                raise BreaksContract([Fault((), "missing", "is required")]) from error
            raise BreaksContract([Fault((), "json", "is not JSON")]) from error

    def _plain_batch(self, given: Any) -> list[Struct]:
        """Every record looked at, up to MOST_FAULTS faults."""
        records: list[Struct] = []
        faults: list[Fault] = []
        for i, one in enumerate(self._enveloped(given)):
            try:
                records.append(self.plain(one, (self._envelope, i)))
            except BreaksContract as broken:
                faults += broken.faults
            if len(faults) >= MOST_FAULTS:
                break
        if faults:
            raise BreaksContract(faults[:MOST_FAULTS])
        return records

    def _enveloped(self, given: Any) -> list[Any]:
        batch = self.contract.style.batch
        if not isinstance(given, dict):
            raise BreaksContract([Fault((), "object", "should be an object")])
        if batch.field not in given:
            raise BreaksContract([Fault((batch.field,), "missing", "is required")])
        records = given[batch.field]
        if not isinstance(records, list):
            raise BreaksContract([Fault((batch.field,), "list", "should be a list of records")])
        if not records:
            raise BreaksContract([Fault((batch.field,), "too_few", "should hold at least 1 record", 1)])
        if len(records) > batch.max:
            reason = f"should hold at most {batch.max} records, not {len(records)}"
            raise BreaksContract([Fault((batch.field,), "too_many", reason, batch.max)])
        return records


def _plain(body: bytes) -> Any:
    """Without the collector: a megabyte of `[],` is 350,000 lists, and to look through them takes 0.1 s and more."""
    gc.disable()
    try:
        return msgspec.json.decode(body)
    finally:
        gc.enable()
