"""The thread that follows goes on whatever a file, a bundle or a disk brings."""

import time

from tests.serving.routed import following, site
from towpath.serving.routing.acknowledging import Acknowledging
from towpath.serving.routing.watching import Watching

PATIENCE_SECONDS = 10


def test_a_trouble_at_its_first_step_does_not_end_the_thread(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    here.write({7: 100})
    followed = following(here.path)
    troubles = [ArithmeticError("of the first step")]
    followed.follower.warm = lambda: [] if not troubles else (_ for _ in ()).throw(troubles.pop())
    watching = Watching([followed.follower], followed.pool, Acknowledging(None))
    watching.start()
    here.write({8: 100})
    until = time.monotonic() + PATIENCE_SECONDS
    while followed.follower.generation < 2 and time.monotonic() < until:
        time.sleep(0.01)
    watching.stop()

    assert followed.follower.generation == 2 and troubles == []


def test_a_file_replaced_since_the_start_is_acted_upon_before_the_worker_listens(bundles, tmp_path):
    here = site(tmp_path, bundles["bankchurn"])
    here.write({7: 100})
    followed = following(here.path)
    told: list[int] = []
    acknowledging = Acknowledging(None)
    acknowledging.tell = lambda followers, pool: told.append(followers[0].generation)
    watching = Watching([followed.follower], followed.pool, acknowledging)
    here.write({8: 100})
    watching.start()
    looked = watching.looked.wait(PATIENCE_SECONDS)
    watching.stop()

    assert looked and told[:2] == [1, 2], (
        "what it began with is told first, so that a writer who waits for all waits on"
    )
