"""Routes for tests, in words: `routes({7: 95, 8: 5})`."""

from typing import Any

from towpath.core.routes import Revision, Routes, Share

DIGEST = "0f" * 32


def revision(number: int, **said: Any) -> Revision:
    given = {"release": f"bankchurn@1.{number}.0", "bundle": f"bundles/{number}", "digest": DIGEST}
    return Revision(**{"number": number, "settings_digest": DIGEST} | given | said)


def routes(shares: dict[int, float], *, generation: int = 1, also: tuple[int, ...] = (), **said: Any) -> Routes:
    """BankChurn's in prod: revisions with their percent, and some that get no traffic."""
    given = {
        "service": "bankchurn",
        "environment": "prod",
        "revisions": tuple(revision(number) for number in sorted({*shares, *also})),
        "traffic": tuple(Share(number, float(percent)) for number, percent in shares.items()),
    }
    return Routes(**given | {"generation": generation} | said)
