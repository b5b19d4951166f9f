"""A routes file with real bundles beside it: `site(tmp_path, bundles["bankchurn"], 7, 8)`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from towpath.bundle.read import Bundle, read_bundle
from towpath.bundle.routes import read_routes, write_routes
from towpath.bundle.write import write_bundle
from towpath.core import formats
from towpath.core.routes import Revision, Routes, Share
from towpath.core.settings import Overrides, Settings, overridden, settings_digest
from towpath.serving.routing.following import Follower
from towpath.serving.routing.loading import Pool
from towpath.serving.routing.table import Table


@dataclass
class Site:
    """The routes of a service in prod; revision n decides from n percent on, so that answers tell who gave them."""

    folder: Path
    source: Bundle
    revisions: dict[int, Revision] = field(default_factory=dict)
    generation: int = 0

    @property
    def path(self) -> Path:
        return self.folder / f"{self.source.contract.service}.routes.json"

    def revision(self, number: int, overrides: Overrides | None = None) -> Revision:
        """Packed when first asked for."""
        if number not in self.revisions:
            settings = Settings(threshold=number / 100)
            files = self.source.files | {"settings.json": formats.canonical(settings)}
            service, said = self.source.contract.service, overrides or Overrides()
            identity, path = write_bundle(service, files, self.folder / "bundles")
            self.revisions[number] = Revision(
                number,
                f"{service}@1.{number}.0",
                str(path.relative_to(self.folder)),
                identity,
                settings_digest(overridden(settings, said)),
                said,
            )
        return self.revisions[number]

    def routes(self, shares: dict[int, float], also: tuple[int, ...] = (), **said: Any) -> Routes:
        """Of the next generation."""
        numbers = sorted({*shares, *also})
        given = {
            "service": self.source.contract.service,
            "environment": "prod",
            "generation": self.generation + 1,
            "revisions": tuple(self.revision(number) for number in numbers),
            "traffic": tuple(Share(number, float(percent)) for number, percent in shares.items()),
        }
        return Routes(**given | said)

    def write(self, shares: dict[int, float], also: tuple[int, ...] = (), **said: Any) -> Routes:
        """The next generation, as delivery writes it."""
        routes = self.routes(shares, also, **said)
        write_routes(self.path, routes, self.generation)
        self.generation = routes.generation
        return routes

    def live(self) -> Routes:
        return read_routes(self.path)


def site(folder: Path, bundle: Path) -> Site:
    return Site(folder, read_bundle(bundle))


@dataclass
class Followed:
    """A follower whose swaps are seen."""

    follower: Follower
    pool: Pool
    tables: list[Table]

    def look(self) -> bool:
        return self.follower.look()

    @property
    def refused(self) -> str:
        return self.follower.refused.reason if self.follower.refused else ""


def following(
    path: Path, warm_bytes: int = 1 << 30, clock: Callable[[], float] | None = None, start: bool = True
) -> Followed:
    """As a worker follows a file, without its thread and its loop."""
    tables: list[Table] = []
    pool = Pool(lambda turn: None, warm_bytes)
    follower = Follower(path, pool, tables.append, **({"clock": clock} if clock else {}))
    if start:
        follower.begin()
    return Followed(follower, pool, tables)
