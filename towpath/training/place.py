"""Where a project keeps what training needs and leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from towpath.data.objects import ObjectStore
from towpath.training.tracking import Outbox


@dataclass(frozen=True)
class Place:
    """The objects, candidates, bundles and cached stages of a project, as one service sees them.

    folders: where data files are looked for. code: the service's own folder. outbox: what a tracker has yet to get.
    """

    objects: ObjectStore
    candidates: Path
    bundles: Path
    stages: Path
    folders: Sequence[Path]
    code: Path
    outbox: Outbox
