"""Two releases of BankChurn, trained with different seeds, as revisions of one routes file."""

from collections.abc import Mapping
from pathlib import Path

from tests.bundles import portfolio, train_service
from tests.serving.routed import Site, site
from towpath.bundle.read import read_bundle
from towpath.bundle.write import write_bundle
from towpath.core.routes import Revision
from towpath.core.settings import settings_digest

SERVICE = "bankchurn"
OLD, NEW = 7, 8
SEEDS = {OLD: 42, NEW: 43}


def trained(folder: Path) -> dict[int, Path]:
    """By revision, a bundle each: other rows to learn from, other trees, other scores.

    The rows are generated in any case: the real ones are the same for every seed, and so is what is learnt from them.
    """
    project, found = portfolio(folder, {}), {}
    for number, seed in SEEDS.items():
        files = train_service(project, SERVICE, seed=seed).files
        found[number] = write_bundle(SERVICE, files, project.bundles / SERVICE)[1]
    return found


def make_site(folder: Path, sources: Mapping[int, Path]) -> Site:
    """The routes of the service in prod, with these bundles as its revisions; nothing is written yet."""
    here = site(folder, next(iter(sources.values())))
    for number, path in sources.items():
        bundle = read_bundle(path)
        identity, packed = write_bundle(SERVICE, bundle.files, folder / "bundles")
        here.revisions[number] = Revision(
            number,
            f"{SERVICE}@1.{number}.0",
            str(packed.relative_to(folder)),
            identity,
            settings_digest(bundle.settings),
        )
    return here


def label(number: int) -> str:
    """As the revision is called in answers."""
    return f"{SERVICE}/prod#{number}"
