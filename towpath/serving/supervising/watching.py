"""What the system says of a process beside its exit code: whether it stands still, computes, or ran out of memory."""

import os

STOPPED = ("T", "t")  # by SIGSTOP or a debugger: not its own doing
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def is_stopped(pid: int) -> bool:
    return (fields := _stat(pid)) is not None and fields[0] in STOPPED


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used; 0 where the system does not tell."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def kills_for_memory() -> int:
    """How many processes the kernel has killed because memory was short, on this machine, since it started."""
    try:
        with open("/proc/vmstat", "rb") as file:
            return next((int(line.split()[1]) for line in file if line.startswith(b"oom_kill ")), 0)
    except OSError:  # not Linux
        return 0


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on: what is before may hold blanks and brackets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None
