"""Bundles that kill workers: counted, and after the third time within a minute answered no more."""

from collections import defaultdict, deque

DEATHS = 3  # one may be chance, two a client that tries again
WITHIN_SECONDS = 60.0


class Quarantine:
    """quarantine.note("0f3a...", now=12.5): whether this death is the one too many."""

    def __init__(self) -> None:
        self._deaths: dict[str, deque[float]] = defaultdict(deque)
        self.digests: set[str] = set()

    def note(self, digest: str, now: float) -> bool:
        """A worker died while this bundle's model ran; True where the bundle is quarantined from now on."""
        deaths = self._deaths[digest]
        deaths.append(now)
        while deaths[0] <= now - WITHIN_SECONDS:
            deaths.popleft()
        if len(deaths) < DEATHS or digest in self.digests:
            return False
        self.digests.add(digest)
        return True

    def lift(self) -> None:
        """Give all another chance: somebody has installed new code."""
        self._deaths.clear()
        self.digests.clear()
