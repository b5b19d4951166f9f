"""A port for /metrics alone, so that who may ask for predictions need not see how many others do."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from functools import partial

from towpath.serving.access import Access
from towpath.serving.app import App
from towpath.serving.connection import Connection
from towpath.serving.edge import Edge
from towpath.serving.limits import Limits
from towpath.serving.ports import BACKLOG


class Scraped:
    """The listener for who scrapes: /metrics of the whole worker, /live, and nothing else."""

    def __init__(self, app: App, limits: Limits):
        # No keys and no names: what is told here is counts, and Prometheus asks by address.
        self._edge = Edge(app.front.scraped(), app.front.refuse, app.front.observe_unmatched(), limits, Access())
        self._servers: list[asyncio.Server] = []
        self.port = 0  # once it is open

    async def open(self, sockets: Sequence[socket.socket], context: ssl.SSLContext | None) -> None:
        """Listen, over TLS where the worker does."""
        loop = asyncio.get_running_loop()
        self.port = sockets[0].getsockname()[1]
        patience = self._edge.limits.head_seconds if context else None
        for sock in sockets:
            made = partial(Connection, self._edge)
            self._servers.append(
                await loop.create_server(made, sock=sock, backlog=BACKLOG, ssl=context, ssl_handshake_timeout=patience)
            )
        self._sweeping = loop.create_task(self._edge.sweep())

    async def close(self) -> None:
        """At once: who scrapes comes again."""
        for server in self._servers:
            server.close()
        await self._edge.drain(0)
        self._sweeping.cancel()
