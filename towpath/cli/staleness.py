"""Which candidates are stale: what they were made from is not what is declared and there today."""

from collections.abc import Iterable

from towpath.core.dataset import Standing
from towpath.core.errors import TowpathError
from towpath.training.candidate import Candidate
from towpath.training.trained_on import data_standing
from towpath.wiring import Project


def stale_candidates(project: Project, found: Iterable[Candidate]) -> dict[str, list[str]]:
    """What changed since, for the newest candidate of each service that is stale; the older ones are history."""
    numbered = sorted(found, key=lambda candidate: candidate.number)
    newest = {candidate.service: candidate for candidate in numbered}
    reasons = {candidate.name: why_stale(project, candidate) for candidate in newest.values()}
    for candidate in numbered:  # what learnt from dropped data is flagged, however old it is
        try:
            stands = standing_of(project, candidate)
        except TowpathError as error:
            stands = Standing(said=f"its data's history cannot be read: {error}")
        if stands.said and (stands.is_dropped or candidate is newest[candidate.service]):
            others = [why for why in reasons.get(candidate.name, []) if not why.startswith("the data changed")]
            reasons[candidate.name] = [stands.said, *others]
    return {name: said for name, said in reasons.items() if said}


def standing_of(project: Project, found: Candidate) -> Standing:
    """How the version of the data that a candidate was trained on stands today."""
    history = project.ledger(found.service).read()
    path = project.candidates / found.service / str(found.number)
    return data_standing(path, history) if history.versions else Standing()


def why_stale(project: Project, found: Candidate) -> list[str]:
    """Nothing where it is as fresh as it can be. The service is only loaded where one of its files changed."""
    from towpath.training import stale

    code = project.service_folders().get(found.service)
    if code is None:
        return [f"{project.settings.name} has no service {found.service} any more"]
    if not found.key or stale.is_untouched(found, code):
        return []
    try:
        return stale.check(project.service(found.service), project.place(found.service))[1]
    except TowpathError as error:
        return [f"{found.service} cannot be loaded: {str(error).splitlines()[0]}"]
