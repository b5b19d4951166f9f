"""Answers to records that come again: for models so slow that looking them up is worth its memory."""

from collections import OrderedDict

from msgspec import Struct

from towpath.engine.answers import Seen
from towpath.serving.telemetry import Telemetry

LONGEST = 4096  # bytes of a record that is remembered; a longer one would take the place of many

_ASKED = ("towpath_remembered_total", "Records looked for among those that were answered last, by whether they were.")


class Remembered:
    """What one model saw of the last records it was asked for, by their very bytes.

    A model never changes, so what it saw of a record is what it would see again; the reply is made anew, with its own
    time and request.
    """

    def __init__(self, most: int, telemetry: Telemetry, service: str):
        self._most = most
        self._kept: OrderedDict[bytes, tuple[Struct, Seen]] = OrderedDict()
        self._found, self._missed = (telemetry.counter(*_ASKED, service=service, found=one) for one in ("yes", "no"))

    def find(self, body: bytes) -> tuple[Struct, Seen] | None:
        """The record that these bytes are, and what was seen of it."""
        known = self._kept.get(body)
        if known is None:
            self._missed.value += 1.0
            return None
        self._kept.move_to_end(body)
        self._found.value += 1.0
        return known

    def keep(self, body: bytes, record: Struct, seen: Seen) -> None:
        """Remember one record, and forget the one that was not asked for the longest."""
        if len(body) > LONGEST:
            return
        self._kept[body] = record, seen
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
