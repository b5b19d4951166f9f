"""towpath/acknowledged/1: what a worker says of the routes files that it follows; who shifts traffic waits for it."""

from msgspec import Struct

from towpath.core import formats


class Acknowledged(Struct, frozen=True, forbid_unknown_fields=True):
    """Of one service: the generation acted upon, its bundles in memory, and why the file is refused, if it is.

    live are the bundles that may answer or get copies, warm those that are loaded beside them; both are ids. since is
    when this generation was swapped in, in seconds since 1970.
    """

    generation: int
    since: float
    live: list[str]
    warm: list[str]
    refused: str = ""
    problem: str = ""


class Acknowledgement(Struct, frozen=True, tag_field="format", tag=formats.ACKNOWLEDGED, forbid_unknown_fields=True):
    """The file of one worker; services by `bankchurn/prod`."""

    worker: str
    pid: int
    services: dict[str, Acknowledged]


def read_acknowledgement(content: bytes, what: str) -> Acknowledgement:
    """Raises FormatTooNew or VerificationRefused."""
    return formats.read_record(content, Acknowledgement, formats.ACKNOWLEDGED, what)
