"""GET /docs and /openapi.json: a page of our own that needs no network and runs no inline script."""

from pathlib import Path

from towpath.core.openapi import openapi
from towpath.serving.exchange import Exchange, header_lines
from towpath.serving.service import NO_MODEL, Service

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILES = {
    "/docs": ("docs_page.html", "text/html; charset=utf-8"),
    "/docs.js": ("docs_page.js", "text/javascript; charset=utf-8"),
    "/docs.css": ("docs_page.css", "text/css; charset=utf-8"),
}


class Docs:
    """The endpoints for people: the description and the page that shows it."""

    def __init__(self, service: Service):
        self._service = service
        self._pages = {path: _page(name, kind) for path, (name, kind) in FILES.items()}

    def page(self, exchange: Exchange) -> None:
        """One of the page's three files."""
        content, headers = self._pages[exchange.path.decode("ascii").removeprefix(self._service.prefix)]
        exchange.answer(200, content, headers + (self._service.model.identity if self._service.model else b""))

    def openapi(self, exchange: Exchange) -> None:
        model = self._service.model
        if model is None:
            return self._service.refuse(exchange, NO_MODEL)
        self._service.reply(exchange, openapi(model.contract, self._service.prefix, model.release))


def _page(name: str, kind: str) -> tuple[bytes, bytes]:
    safe = {
        "Content-Type": kind,
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return (HERE / name).read_bytes(), header_lines(safe)
