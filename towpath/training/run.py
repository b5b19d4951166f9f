"""One training run from start to end: what it depends on, its stages, and the candidate that stays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from towpath.core import formats, manifest
from towpath.core.comparison import UNKNOWN_CHAMPION
from towpath.core.evaluation import Evaluation
from towpath.core.lineage import DataLineage
from towpath.data import pull
from towpath.data.table import LabelledRows, read_rows
from towpath.declare.service import Service
from towpath.training import candidate, champion, stale, tracking
from towpath.training.candidate import Candidate
from towpath.training.describe import files_digest
from towpath.training.inputs import Inputs, read_inputs, with_params
from towpath.training.place import Place
from towpath.training.stages import Ran, Stages
from towpath.training.train import Staged, Trained, run_stages

NOTHING_SENT = tracking.Delivered()

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One training run that was kept; `unchanged` where it is an earlier one and there was nothing to do.

    because: what is different from the candidate before, in words. same_as: the candidate before, where its bundle is
    the same. delivered: what a tracker got.
    """

    candidate: Candidate
    path: Path
    evaluation: Evaluation
    data: DataLineage
    ran: tuple[Ran, ...] = ()
    unchanged: bool = False
    because: tuple[str, ...] = ()
    same_as: str = ""
    delivered: tracking.Delivered = NOTHING_SENT


@dataclass(frozen=True)
class Wish:
    """How to train: the seed, parameters to set instead of the declared ones, and whether to use no cached stage."""

    seed: int
    params: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False


def train_service(service: Service, place: Place, wish: Wish, *, now: datetime, say: Say) -> Run:
    """Train one service and keep what comes out: the candidate, and the held-out sample as an object.

    Where nothing changed since the newest candidate, that one is given back.
    """
    if wish.params:
        service = with_params(service, wish.params)
    say("reading its data")
    files = pull.pull(service.data, place.objects, place.folders)
    inputs = read_inputs(service, files, seed=wish.seed)
    before = candidate.newest(place.candidates, service.name)
    stages = Stages(place.stages / service.name, wish.force, say)
    staged = run_stages(service, lambda: _rows(service, place, wish.seed, say), inputs, stages, seed=wish.seed)
    if before and before.key == staged.key and staged.all_cached:
        run = _again(place, before, staged)
    else:
        run = _keep(service, place, wish, inputs, staged, now, before)
    return replace(run, delivered=deliver(place.outbox, say))


def deliver(outbox: tracking.Outbox, say: Say) -> tracking.Delivered:
    """Send what waits, and say how that went."""
    delivered = outbox.deliver()
    for line in tracking.told(delivered, outbox.where):
        say(line)
    return delivered


def _rows(service: Service, place: Place, seed: int, say: Say) -> LabelledRows:
    rows = read_rows(service, place.objects, place.folders, seed=seed)
    kept = f"{len(rows)} of {rows.read}" if rows.filters else str(len(rows))
    say(f"has {kept} {rows.origin} rows")
    return rows


def _keep(
    service: Service, place: Place, wish: Wish, inputs: Inputs, staged: Staged, now: datetime, before: Candidate | None
) -> Run:
    trained = name_champion(staged.trained(), service.name, place)
    place.objects.put(trained.holdout)
    because = stale.since_newest(place.candidates, service.name, inputs)
    found = candidate.save_candidate(
        place.candidates,
        service.name,
        trained,
        seed=wish.seed,
        code=files_digest(place.code),
        now=now,
        key=staged.key,
        params=wish.params,
        inputs=formats.canonical(inputs),
    )
    path = place.candidates / service.name / str(found.number)
    _track(found, path, inputs, trained, place)
    same = before.name if before and before.bundle == found.bundle else ""
    return Run(found, path, trained.evaluation, trained.data, staged.ran, because=tuple(because), same_as=same)


def name_champion(trained: Trained, service: str, place: Place) -> Trained:
    """The report tells of the champion there is; in the bundle no word of it changes."""
    identity = manifest.bundle_id(manifest.list_files(service, trained.files))
    told = escape(champion.not_asked(place.bundles, place.candidates, service, identity)).encode()
    unknown = escape(UNKNOWN_CHAMPION).encode()
    return replace(trained, beside={name: page.replace(unknown, told) for name, page in trained.beside.items()})


def _track(found: Candidate, path: Path, inputs: Inputs, trained: Trained, place: Place) -> None:
    """Keep the run locally, and let it wait for the tracker, if there is one."""
    commit = tracking.git_commit(place.code)
    run = tracking.describe_run(found, inputs, trained.evaluation, trained.data, path, commit)
    tracking.keep_run(path, run)
    place.outbox.put(tracking.Waiting("run", found.name, str(path)))


def _again(place: Place, found: Candidate, staged: Staged) -> Run:
    path = place.candidates / found.service / str(found.number)
    return Run(found, path, candidate.read_evaluation(path), candidate.read_lineage(path), staged.ran, unchanged=True)
