"""What a supervisor hands to a worker: its slot's sockets, the channel between them, and what was asked of both."""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from towpath.core.errors import UsageError

VARIABLE = "TOWPATH_SUPERVISED"


class Handed(NamedTuple):
    """Files are numbers that the worker inherits; `table` is [serve] of towpath.toml, which only the caller knew."""

    slot: int
    supervisor: int  # its process id
    files: Sequence[int]  # of the listening sockets
    channel: int
    memory: int  # in which the worker marks what its model runs for
    quarantined: Sequence[str] = ()
    table: Mapping[str, Any] = {}

    def written(self) -> str:
        return json.dumps(self._asdict())

    def sockets(self) -> list[socket.socket]:
        """The listening sockets themselves."""
        found = [socket.socket(fileno=file) for file in self.files]
        for one in found:
            one.setblocking(False)
        return found

    def inherited(self) -> list[int]:
        """Every file that must survive the start of the worker."""
        return [*self.files, self.channel, self.memory]


def handed_by(environment: Mapping[str, str]) -> Handed | None:
    """What a supervisor wrote for this process; None where there is none. Raises UsageError."""
    written = environment.get(VARIABLE)
    if not written:
        return None
    try:
        handed = Handed(**json.loads(written))
        if handed.supervisor != os.getppid():  # a variable that was inherited too far, or the supervisor died
            raise ValueError(f"process {handed.supervisor} is not the one that started this")
        return handed
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"{VARIABLE} is not what a supervisor writes: {error}", hint=f"unset {VARIABLE}; --workers starts workers"
        ) from error
