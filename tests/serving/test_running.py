"""The mark of what the model is running for, read by somebody else."""

import os

from towpath.serving.running import OPENING, ROOM, SHADOW, SIZE, Mark, running_in
from towpath.serving.supervising.memory import Memory


def digest(number: int) -> str:
    return f"{number:064x}"


def shared() -> tuple[Mark, Memory]:
    mark, memory = Mark(), Memory()
    mark.share(os.dup(memory.file))
    return mark, memory


def test_a_mark_is_seen_from_outside_until_it_is_left():
    mark, memory = shared()
    assert memory.running() == ""
    mark.enter(mark.index(digest(7)))
    assert memory.running() == digest(7)
    mark.leave()

    assert memory.running() == ""
    memory.close()


def test_what_was_indexed_before_the_memory_was_shared_counts_on():
    mark, memory = Mark(), Memory()
    index = mark.index(digest(7))
    mark.share(os.dup(memory.file))
    mark.enter(index)

    assert memory.running() == digest(7) and mark.index(digest(7)) == index
    memory.close()


def test_every_bundle_has_an_index_of_its_own_and_the_eldest_makes_room():
    mark, memory = shared()
    indexes = [mark.index(digest(number)) for number in range(ROOM)]
    assert len(set(indexes)) == ROOM and max(indexes) * 32 + 32 <= SIZE
    newest = mark.index(digest(ROOM))
    mark.enter(newest)

    assert newest == indexes[0] and memory.running() == digest(ROOM)
    assert mark.index(digest(0)) == indexes[1]
    memory.close()


def test_of_several_threads_the_newcomer_is_blamed():
    mark, memory = shared()
    mark.enter(mark.index(digest(1)))
    mark.lane(OPENING).enter(mark.index(digest(2)))
    assert memory.running() == digest(2)
    mark.lane(SHADOW).enter(mark.index(digest(3)))
    assert memory.running() == digest(3)
    mark.lane(SHADOW).leave()
    mark.lane(OPENING).leave()

    assert memory.running() == digest(1)
    memory.close()


def test_nonsense_in_the_memory_is_no_bundle():
    assert running_in(bytearray(b"\xff" * SIZE)) == ""
