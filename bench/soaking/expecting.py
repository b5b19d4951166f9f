"""What each revision of a site will answer: its bundle is opened here, and asked without any server."""

import json

from bench.soaking.questions import SINGLES, Given, Questions, ask_both, lasting
from bench.soaking.releases import label
from bench.stress.client import customers
from tests.serving.routed import Site
from towpath.bundle.read import read_bundle
from towpath.core.answer import Answers
from towpath.engine.answers import Said
from towpath.engine.engine import open_engine
from towpath.serving.reading import Reader


def questions(here: Site) -> Questions:
    """Raises ValueError where the revisions cannot be told apart by every answer."""
    records = customers(SINGLES)
    given = {label(number): given_by(here, number, records) for number in here.revisions}
    named = next(entry.name for entry in here.source.contract.style.batch.reply if isinstance(entry.item, Answers))
    return ask_both(records, given, named)


def given_by(here: Site, number: int, records: list[dict[str, object]]) -> Given:
    revision = here.revision(number)
    bundle = read_bundle(here.folder / revision.bundle)
    read = Reader(bundle.contract)
    given = open_engine(bundle).answers(
        [read.record(json.dumps(one).encode()) for one in records], Said(revision.release, "", "")
    )
    return Given(revision.release, bundle.id, lasting(given))
