"""A line of JSON at a time over a socket that never blocks: what supervisor and worker tell each other."""

import contextlib
import json
import math
import socket
from collections.abc import Iterator
from typing import Any

MOST_WAITING = 8 << 20  # bytes for a worker that does not read; it is hung then, and about to be replaced
READ = 1 << 20


class Lines:
    """Bytes as they come, whole lines out; what is longer than `most` and has no end yet is a line, too."""

    def __init__(self, most: float = math.inf) -> None:
        self._rest, self._most = b"", most

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._most:
            lines.append(self.end())
        return lines

    def end(self) -> bytes:
        """What came after the last whole line."""
        rest, self._rest = self._rest, b""
        return rest


class Channel:
    """The supervisor's end."""

    def __init__(self, sock: socket.socket):
        sock.setblocking(False)
        self._sock, self._lines, self._waiting = sock, Lines(), bytearray()
        self.open = True

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def behind(self) -> bool:
        """Whether something waits until the worker reads."""
        return bool(self._waiting)

    def say(self, **facts: Any) -> None:
        """Tell the worker, now or when it reads; what it will never read is nobody's loss."""
        if self.open and len(self._waiting) < MOST_WAITING:
            self._waiting += written(facts)
            self.go_on()

    def go_on(self) -> None:
        """Write what waits, as far as there is room."""
        try:
            while self._waiting:
                del self._waiting[: self._sock.send(self._waiting)]
        except BlockingIOError:
            pass
        except OSError:  # the worker is gone, which its end tells better
            self._waiting.clear()

    def heard(self) -> Iterator[dict[str, Any]]:
        """What the worker has told since."""
        try:
            data = self._sock.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.open = bool(data)
        for line in self._lines.feed(data):
            yield from read(line)

    def close(self) -> None:
        self._sock.close()


def written(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"


def read(line: bytes) -> Iterator[dict[str, Any]]:
    """The message of a line; none where it is no message, for the other side may be of another version."""
    with contextlib.suppress(ValueError, RecursionError):
        message = json.loads(line)
        if isinstance(message, dict):
            yield message
