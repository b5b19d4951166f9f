"""What a worker takes and how long it waits; every number has its reason, and each can be set."""

import math
from collections.abc import Mapping
from typing import get_type_hints

from msgspec import Struct

from towpath.core.errors import Faulty


class Limits(Struct, frozen=True):
    """Limits()                       # what a service needs
    Limits(body_bytes=8 << 20)        # larger batches of long texts
    """

    target_bytes: int = 2048  # our longest path has under 100; the rest is room for a query, which nothing reads
    header_count: int = 64  # curl sends 3, a browser behind two proxies about 30
    head_bytes: int = 16 << 10  # large enough for any cookie that wanders in, small times the number of connections
    body_bytes: int = 1 << 20  # 1,000 churn records are 0.2 MB; 4 MB of `1,` stalls the loop for a quarter of a second
    head_seconds: float = 5.0  # a head is one packet; who needs longer is lost or means harm
    body_seconds: float = 10.0  # 1 MiB at 100 kB/s, and within the ten seconds that Docker and Cloud Run wait on a stop
    idle_seconds: float = 75.0  # longer than the 60 s of common load balancers, which must be the ones to hang up
    write_seconds: float = 10.0  # for a client that asks but does not read the reply
    linger_seconds: float = 2.0  # so that a refused client has read why before the connection goes
    connections: int = 16_000  # idle ones cost 5 kB each; the usual hard limit of open files is 20,000
    pipelined: int = 64  # unanswered requests of one connection, after which it is not read from for a while

    buffered_bytes: int = 256 << 20  # of bodies that are not complete, over all connections; 10,000 could bring 10 GB
    queue_seconds: float = 0.25  # of work that waits; a caller who waits longer has often gone, or asks again
    paused_requests: int = 1_000  # that wait for a paused service: 0.1 s of a busy one, which it answers in as long
    warm_bytes: int = 256 << 20  # of bundles kept for a return: a churn model grows a worker by 1 MB, a text model by 5
    shadow_share: float = 0.25  # of one processor, for copies that nobody waits for
    log_bytes: int = 256 << 20  # of the prediction log on the disk: about 5 million answers with one id each

    @property
    def chunked_bytes(self) -> int:
        """What a chunked body may take on the wire, its chunk sizes and extensions included."""
        return 2 * self.body_bytes + (64 << 10)

    @property
    def sweep_seconds(self) -> float:
        """How often deadlines are looked at: often enough to be right within a quarter."""
        shortest = min(self.head_seconds, self.body_seconds, self.idle_seconds, self.write_seconds, self.linger_seconds)
        return min(0.5, shortest / 4)


DEFAULT = Limits()


def read_limits(given: Mapping[str, object], where: str) -> Limits:
    """The limits with some of them set, as numbers or as text. Raises Faulty with every fault."""
    kinds = get_type_hints(Limits)
    faults = [(name, fault) for name, value in given.items() if (fault := _fault(kinds.get(name), value))]
    if faults:
        raise Faulty(where, faults, hint="docs/serving.md explains each limit")
    return Limits(**{name: kinds[name](value) for name, value in given.items()})


def _fault(kind: type | None, value: object) -> str:
    if kind is None:
        return f"is no limit; known are {', '.join(Limits.__struct_fields__)}"
    try:
        number = kind(value)
    except (TypeError, ValueError):
        return f"should be {'a whole number' if kind is int else 'a number'}, not {value!r}"
    if isinstance(value, bool) or not math.isfinite(number) or number <= 0:
        return f"should be more than 0, not {value!r}"
    return ""
