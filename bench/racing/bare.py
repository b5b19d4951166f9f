"""A worker whose telemetry is switched off from outside, so that the race can tell what it costs.

It still looks at the clock where a worker does: shedding needs that too.

python -m bench.racing.bare BUNDLE --port PORT      # as python -m towpath.serving takes them
"""

import os
import sys
from typing import Any

from towpath.serving import __main__ as worker
from towpath.serving import meter, service
from towpath.serving.exchange import Route


def switch_off() -> None:
    """Routes neither count nor time, and nobody is told what a model answers or how it ran."""
    _replace(service, "metered", lambda telemetry, name, route, handle, *statuses: Route(handle, _nothing))
    _replace(meter, "metered", service.metered)
    _replace(service.Service, "_observe_with", _nothing)


def _replace(owner: Any, name: str, with_what: Any) -> None:
    """Raises AttributeError where it is called otherwise by now: then nothing would be switched off."""
    getattr(owner, name)
    setattr(owner, name, with_what)


def _nothing(*given: object) -> None:
    """Instead of counting."""


if __name__ == "__main__":
    switch_off()
    sys.exit(worker.main(sys.argv[1:], os.environ))
