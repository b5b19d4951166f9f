"""What is counted by revision, and of a service of which only some revisions may answer."""

from types import SimpleNamespace

import pytest

from tests.serving.asking import Answer, Asked, Turns
from tests.serving.conftest import CUSTOMER
from tests.serving.routed import Site, site
from towpath.core.routes import HeaderRule
from towpath.serving.limits import DEFAULT
from towpath.serving.routing.following import Follower
from towpath.serving.routing.loading import Pool
from towpath.serving.routing.routed import Routed


class Here:
    """BankChurn as its routes say, in a loop whose turns pass when something is asked."""

    def __init__(self, here: Site):
        self.turns = Turns()
        self.asked = Asked(self.turns, None)
        self.follower = Follower(here.path, Pool(self.turns.append, 1 << 30), lambda table: self.routed.use(table))
        loop = SimpleNamespace(call_later=None, call_soon_threadsafe=self.turns.append)
        self.routed = Routed(self.asked.service, self.follower, self.asked.telemetry, loop, DEFAULT, None)  # type: ignore[arg-type]  # a loop's two calls

    def ask(self, path: str, customer: object = CUSTOMER, **headers: bytes) -> Answer:
        return self.asked.ask(
            "POST", path, customer, headers={name.replace("_", "-").encode(): headers[name] for name in headers}
        )

    def counted(self, outcome: str) -> float:
        start = f'towpath_revision_requests_total{{service="bankchurn",revision="bankchurn/prod#7",outcome="{outcome}"'
        return self.asked.metric(start)


@pytest.fixture
def files(bundles, tmp_path) -> Site:
    return site(tmp_path, bundles["bankchurn"])


def test_explanations_are_counted_as_answers_as_their_refusals_are_as_refusals(files):
    files.write({7: 100})
    here = Here(files)
    here.follower.begin()
    here.ask("/predict")
    here.ask("/explain")
    here.ask("/explain", {})

    assert (here.counted("answered"), here.counted("refused"), here.counted("failed")) == (2, 1, 0)


def test_a_revision_that_is_too_busy_is_counted_as_such(files):
    files.write({7: 100})
    here = Here(files)
    here.follower.begin()
    assert here.follower.table and here.follower.table.main
    here.follower.table.main.batcher.is_busy = lambda batch=False: True  # type: ignore[method-assign]
    here.ask("/predict")

    assert here.counted("busy") == 1


def test_where_only_a_header_leads_to_what_may_answer_it_is_counted_once_whatever_else_is_swapped(files):
    files.write({8: 100}, also=(7,), headers=(HeaderRule("x-canary", "yes", 7),))
    here, bad = Here(files), {files.revision(8).digest}
    here.follower.begin(bad)
    files.write({8: 100}, also=(7,), headers=(HeaderRule("x-canary", "yes", 7), HeaderRule("x-other", "yes", 7)))
    here.follower.look(frozenset(bad))

    assert here.follower.generation == 2
    assert here.ask("/predict").status == 503 and here.ask("/predict", x_canary=b"yes").status == 200
    assert here.counted("answered") == 1 and sum(here.asked.metrics("towpath_predictions_total{").values()) == 1
