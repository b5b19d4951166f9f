"""Memory that a supervisor can read after the worker that wrote it has died."""

import mmap
import os
import tempfile

from towpath.serving.running import SIZE, running_in


class Memory:
    """memory.file goes to the worker; memory.running() says which bundle it was running when it last wrote."""

    def __init__(self) -> None:
        self.file = _new_file()
        try:
            os.ftruncate(self.file, SIZE)
            self._mapped = mmap.mmap(self.file, SIZE)
        except OSError:
            os.close(self.file)
            raise

    def running(self) -> str:
        return running_in(self._mapped)

    def close(self) -> None:
        self._mapped.close()
        os.close(self.file)


def _new_file() -> int:
    """A file without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("towpath-running")
    file, path = tempfile.mkstemp(prefix="towpath-")
    os.unlink(path)
    return file
