"""Which bundle the model is running for at this moment, where it can be read after the process has died of it."""

import mmap

SIZE = 64 << 10
DIGEST_BYTES = 32  # sha256
LANES = 8  # marks of four bytes before the table of digests: one for each thread that may run a model
ROOM = SIZE // DIGEST_BYTES - 1  # bundles; the eldest makes room for the next
NOTHING = 0
LOOP, OPENING, SHADOW = range(3)
"""Lanes: of the event loop, of the thread that opens and checks bundles, of shadow copies."""

Memory = bytearray | mmap.mmap


class Lane:
    """lane.enter(index); run the model; lane.leave(): two stores into memory of about 50 ns each."""

    __slots__ = ("_number", "_view")

    def __init__(self, number: int, memory: Memory):
        self._number = number
        self.use(memory)

    def enter(self, index: int) -> None:
        """From here on whatever ends the process is this bundle's doing."""
        self._view[self._number] = index

    def leave(self) -> None:
        self._view[self._number] = NOTHING

    def use(self, memory: Memory) -> None:
        self._view = memoryview(memory).cast("I")


class Mark(Lane):
    """The lane of the loop, and what the lanes have in common: an index stands for a bundle.

    Until the memory is shared nobody else sees any of it.
    """

    __slots__ = ("_indexes", "_lanes", "_memory", "_next")

    def __init__(self) -> None:
        self._memory: Memory = bytearray(SIZE)
        self._indexes: dict[str, int] = {}
        self._next = 0
        super().__init__(LOOP, self._memory)
        self._lanes = [self, *(Lane(number, self._memory) for number in range(1, LANES))]

    def lane(self, number: int) -> Lane:
        """The mark of another thread."""
        return self._lanes[number]

    def share(self, file: int) -> None:
        """Go on in the memory behind this file, which whoever opened it can read when this process is gone."""
        known = list(self._indexes)
        self._memory, self._indexes, self._next = mmap.mmap(file, SIZE), {}, 0
        for lane in self._lanes:
            lane.use(self._memory)
        for digest in known:
            self.index(digest)

    def index(self, digest: str) -> int:
        """The index of a bundle's id."""
        if known := self._indexes.get(digest):
            return known
        given = self._next % ROOM + 1
        self._next += 1
        self._indexes = {one: index for one, index in self._indexes.items() if index != given} | {digest: given}
        start = given * DIGEST_BYTES
        self._memory[start : start + DIGEST_BYTES] = bytes.fromhex(digest)
        return given


def running_in(memory: Memory) -> str:
    """The id of the bundle that was running, "" for none; of several the one that was not yet, or not fully, served."""
    marks = memoryview(memory)[: 4 * LANES].cast("I").tolist()
    index = next((one for one in reversed(marks) if 0 < one <= ROOM), NOTHING)
    return bytes(memory[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]).hex() if index else ""


MARK = Mark()
"""This process's own."""
