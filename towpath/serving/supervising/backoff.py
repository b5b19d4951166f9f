"""When a worker that died is started again, and when there is no sense in starting it: decided, not done."""

from typing import NamedTuple

DELAYS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)  # seconds; the last is what a worker costs that can never start
SOON_SECONDS = 10.0  # after it was ready: who dies within them has not proved that it can live
TRIES = 3  # of a first start: what failed three times in a row will not come right by itself
HOPELESS = (2, 10, 11)  # exit codes that another try cannot change: usage, a refused bundle, a newer format


class Death(NamedTuple):
    """How a worker ended: `code` as it returned, or minus the number of the signal that it died of."""

    code: int
    ready_seconds: float | None  # how long it had been ready; None where it never was
    killed: bool = False  # by somebody else: no sign that anything is wrong with it
    slow: bool = False  # it was given up on before it was ready

    @property
    def early(self) -> bool:
        return not self.killed and (self.ready_seconds is None or self.ready_seconds < SOON_SECONDS)


def delay_after(early_deaths: int) -> float:
    """Seconds until the next start, after so many early deaths in a row."""
    return DELAYS[min(early_deaths, len(DELAYS)) - 1] if early_deaths else 0.0


def is_hopeless(death: Death, failed_starts: int, ever_ready: bool) -> bool:
    """Whether to give up: only while no worker has ever been ready, for then nobody is being served."""
    return not ever_ready and (death.code in HOPELESS or failed_starts >= TRIES)
