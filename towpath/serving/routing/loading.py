"""Bundles in memory: those that answer, and beside them what the budget holds, so that going back loads nothing."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from towpath.bundle.read import Bundle, read_bundle
from towpath.core.errors import FormatTooNew, InfrastructureError, TowpathError, VerificationRefused
from towpath.core.routes import Revision, Routes, RoutesRefused, answering, shadowing
from towpath.core.settings import Settings, overridden, override_faults, settings_digest
from towpath.engine.engine import Engine, open_engine
from towpath.serving import journal
from towpath.serving.model import Model, prove
from towpath.serving.routing.table import Table

MOST_MODELS = 8  # that are remembered of one bundle: one for each settings that it was installed with

Turns = Callable[[Callable[[], None]], object]
"""The loop's call_soon."""

Opening = Callable[[str], object]
"""Told the id of the bundle that is opened, "" when it is: what ends the process meanwhile was its doing."""


@dataclass
class Opened:
    """A bundle that was verified, opened and golden-checked, with the models that were made of it."""

    bundle: Bundle
    engine: Engine
    size: int  # bytes that the process grew by while it was opened, at least those of its files
    models: dict[tuple[str, ...], Model] = field(default_factory=dict)


class Pool:
    """Everything that a worker has open, for all its services. Only its routes' thread calls it.

    What is not in any table stays while it fits into warm_bytes, the last used longest. A revision that comes back is
    the very model that it was, with its queue and its pace.
    """

    def __init__(self, call_soon: Turns, warm_bytes: int, opening: Opening = lambda digest: None):
        self._call_soon, self._warm_bytes, self._opening = call_soon, warm_bytes, opening
        self._opened: dict[str, Opened] = {}  # by id, the last used last
        self._used: dict[str, set[str]] = {}  # by whose table it is
        self.changes = 0  # of what is open, and of what is in a table

    def table(self, routes: Routes, folder: Path, without: Collection[str] = (), shadows: bool = True) -> Table:
        """Open whatever of it is not open yet. Raises RoutesRefused; then nothing has changed but what is warm."""
        try:
            return self._table(routes, folder, without, shadows)
        except RoutesRefused:
            self._make_room()
            raise

    def _table(self, routes: Routes, folder: Path, without: Collection[str], shadowed: bool) -> Table:
        usable = {one.number: one for one in routes.revisions if one.digest not in without}
        models = {number: self._model(routes, usable[number], folder) for number in answering(routes) & usable.keys()}
        copied = shadowing(routes) & usable.keys() if shadowed else set[int]()
        shadows = {number: self._model(routes, usable[number], folder, True) for number in copied}
        return Table(routes, models, shadows)

    def hold(self, table: Table) -> None:
        """This table is acted upon now; what only the one before needed may go."""
        used = {one.bundle.id for one in (*table.models.values(), *table.shadows.values())}
        self._used[table.routes.name] = used
        self._make_room()

    def warm(self, routes: Routes, folder: Path, without: Collection[str] = ()) -> None:
        """Open what is listed for a return and fits beside the rest; whatever is wrong with it can wait."""
        for one in sorted(routes.revisions, key=lambda one: -one.number):
            spare = self._warm_bytes - self._warm_size()
            if one.digest in self._opened or one.digest in without or _files_size(folder / one.bundle) > spare:
                continue
            try:
                self._model(routes, one, folder)
            except RoutesRefused:
                continue
            if self._opened[one.digest].size > spare:  # else what was live a moment ago would have to go for it
                del self._opened[one.digest]
        self._make_room()

    def live(self, name: str) -> list[str]:
        """The ids of the bundles in the table of `bankchurn/prod`."""
        return sorted(self._used.get(name, ()))

    def warm_ids(self) -> list[str]:
        """The ids of what is open and in no table."""
        return sorted(self._opened.keys() - self._all_used())

    def _model(self, routes: Routes, revision: Revision, folder: Path, shadow: bool = False) -> Model:
        opened = self._open(revision, folder)
        self._opened[revision.digest] = self._opened.pop(revision.digest)  # the last used last
        settings = _settings_of(revision, opened.bundle, routes)
        label = routes.label(revision.number)
        key = (label, revision.release, revision.settings_digest, "shadow" if shadow else "")
        model = opened.models.pop(key, None)
        if model is None:
            engine = open_engine(opened.bundle) if shadow else opened.engine
            model = revised(opened.bundle, engine, settings, revision.release, label, self._call_soon)
        opened.models[key] = model
        while len(opened.models) > MOST_MODELS:
            del opened.models[next(iter(opened.models))]
        return model

    def _open(self, revision: Revision, folder: Path) -> Opened:
        if known := self._opened.get(revision.digest):
            return known
        before = resident_bytes()
        with _told(revision):
            self._opening(revision.digest)
            try:
                bundle = read_bundle(folder / revision.bundle)
                _refuse_other(bundle, revision)
                engine = open_engine(bundle)
                prove(engine, bundle.golden())
            finally:
                self._opening("")
        files = sum(map(len, bundle.files.values()))
        self._opened[revision.digest] = Opened(bundle, engine, max(resident_bytes() - before, files))
        return self._opened[revision.digest]

    def _make_room(self) -> None:
        self.changes += 1
        used, size = self._all_used(), self._warm_size()
        for digest in [one for one in self._opened if one not in used]:
            if size <= self._warm_bytes:
                return
            size -= self._opened.pop(digest).size

    def _warm_size(self) -> int:
        used = self._all_used()
        return sum(one.size for digest, one in self._opened.items() if digest not in used)

    def _all_used(self) -> set[str]:
        return set().union(*self._used.values())


def revised(bundle: Bundle, engine: Engine, settings: Settings, release: str, label: str, call_soon: Turns) -> Model:
    """The model of a revision: its bundle under its own settings, and its name on every answer."""
    if settings != bundle.settings:
        engine = Engine(bundle.contract, settings, engine.model, bundle.plan.steps[-1])  # type: ignore[arg-type]  # always finish
    return Model(bundle, engine, release, call_soon, label)


def resident_bytes() -> int:
    """What this process holds of memory; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not Linux
        return 0


def _settings_of(revision: Revision, bundle: Bundle, routes: Routes) -> Settings:
    name = routes.label(revision.number)
    if bundle.contract.service != routes.service:
        told = f"{name} should be of {routes.service}; {bundle.path} is of {bundle.contract.service}"
        raise RoutesRefused("bundle_service", told)
    if faults := list(override_faults(bundle.contract, revision.settings)):
        raise RoutesRefused("settings", f"the settings of {name}: {'; '.join(faults)}")
    settings = overridden(bundle.settings, revision.settings)
    if (found := settings_digest(settings)) != revision.settings_digest:
        told = f"the settings of {name} come out with the sha256 {found}, not {revision.settings_digest}"
        raise RoutesRefused("settings_digest", told)
    return settings


def _refuse_other(bundle: Bundle, revision: Revision) -> None:
    if bundle.id != revision.digest:
        told = f"revision {revision.number} is bundle {revision.digest}; in {bundle.path} is {bundle.id}"
        raise RoutesRefused("bundle_digest", told)


@contextmanager
def _told(revision: Revision) -> Iterator[None]:
    """Whatever is wrong with a bundle is a reason to refuse the routes that name it."""
    who = f"the bundle of revision {revision.number}, {revision.release}"
    try:
        yield
    except RoutesRefused:
        raise
    except InfrastructureError as error:
        raise RoutesRefused("bundle_missing", f"{who}: {error}", hint=error.hint) from error
    except (VerificationRefused, FormatTooNew) as error:
        raise RoutesRefused("bundle_refused", f"{who}: {error}", hint=error.hint) from error
    except Exception as error:  # the door: whatever a bundle brings, other revisions go on
        if not isinstance(error, (TowpathError, OSError)):
            journal.tell("routes_failed", bundle=revision.digest, **journal.traced(error))
        raise RoutesRefused("bundle_refused", f"{who}: {error}") from error


def _files_size(path: Path) -> int:
    """What a bundle will take at least; nothing where there is none."""
    try:
        return sum(one.stat().st_size for one in path.iterdir())
    except OSError:
        return 0
