"""towpath compare: whether a candidate is better than what there is, on rows that neither has learnt from."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from towpath.bundle.lock import changed_libraries
from towpath.cli.layout import columns, short
from towpath.cli.packed import ID, find_bundle, is_path, newest_other, prove_bundle
from towpath.cli.project import complete_services, open_here, seed_option
from towpath.cli.session import Result, Session, Verb
from towpath.core import manifest
from towpath.core.comparison import Comparison, MetricDelta
from towpath.core.errors import Exit, UsageError
from towpath.training.candidate import find_candidate, newest_first
from towpath.training.champion import save_comparison
from towpath.wiring import Project

if TYPE_CHECKING:
    from towpath.training.contender import Contender

MARGIN = "METRIC=NUMBER"
CODES = {"better": Exit.DONE, "equal": Exit.DONE, "worse": Exit.FAILED, "missing": Exit.FAILED}


@click.command(cls=Verb, epilog="Example: towpath compare bankchurn-4 bankchurn-3")
@click.argument("candidate", metavar="SERVICE|CANDIDATE|BUNDLE", shell_complete=complete_services)
@click.argument("other", required=False, metavar="[CANDIDATE|BUNDLE]")
@click.option("--margin", "margins", multiple=True, metavar=MARGIN, help="A difference this small does not matter.")
@seed_option
@click.pass_obj
def compare(session: Session, candidate: str, other: str | None, margins: tuple[str, ...], seed: int | None) -> Result:
    """Compare a candidate, of a service the newest, with another model; both answer the same rows.

    Without another one it is the champion: the newest packed bundle of the service, else the candidate before.
    Each metric is better, equal, worse or inconclusive by the interval of its paired difference. Worse is exit code 1,
    inconclusive 7; a metric that one of them has no number for is as bad as worse.
    """
    project = open_here(session)
    given = dict(read_margin(one) for one in margins)
    ours, home = find_contender(project, session, candidate)
    service = ours.contract.service
    champion = newest_other(project, service, ours.bundle) if other is None else None
    named = other or (str(champion) if champion else candidate_before(project, ours))
    against = find_contender(project, session, named)[0]
    if against.contract.service != service:
        raise UsageError(
            f"{ours.name} is of {service}, {against.name} of {against.contract.service}",
            hint="compare two of one service",
        )
    if against.bundle == ours.bundle:
        raise UsageError(f"{ours.name} and {against.name} are the same bundle", hint="compare two different ones")
    found = compare_two(project, service, session, ours, against, seed=project.seed(seed), margins=given)
    if home and champion and found.gates:
        save_comparison(home, found)
    return told(found)


def compare_two(
    project: Project,
    service: str,
    session: Session,
    ours: "Contender",
    other: "Contender",
    *,
    seed: int,
    margins: dict[str, float] | None = None,
) -> Comparison:
    """Both on the same rows, by the service as it is declared now."""
    from towpath.training import compare as comparing
    from towpath.training.fit import one_thread
    from towpath.training.same_rows import same_rows

    declared = project.service(service)
    rows = same_rows(declared, project.objects, ours, other)
    session.say(f"comparing {ours.name} with {other.name} on {rows.told}")
    with one_thread():
        return comparing.compare(declared, ours, other, rows, seed=seed, margins=margins)


def find_contender(project: Project, session: Session, named: str) -> tuple["Contender", Path | None]:
    """A candidate with its folder, or a bundle. Raises UsageError where a name fits nothing."""
    from towpath.training.contender import contender_of_bundle, contender_of_candidate

    if not is_path(named) and not ID.fullmatch(named):
        try:
            candidate, path = find_candidate(project.candidates, named)
            return contender_of_candidate(candidate, path), path
        except UsageError:
            if named not in project.service_folders():
                raise
    proved = prove_bundle(find_bundle(session, named))
    for library in changed_libraries(proved.bundle.files[manifest.LOCK]):
        session.say(f"warning: {proved.bundle.name}: {library}")
    seed = seed_of(project, proved.bundle.contract.service, proved.bundle.id)
    return contender_of_bundle(proved.bundle, proved.engine, seed), None


def seed_of(project: Project, service: str, bundle: str) -> int | None:
    """The seed of the training that gave a bundle, where its candidate is still there."""
    return next((one.seed for one in newest_first(project.candidates, service) if one.bundle == bundle), None)


def candidate_before(project: Project, ours: "Contender") -> str:
    """The newest other candidate of the service. Raises UsageError where there is none."""
    service = ours.contract.service
    for candidate in newest_first(project.candidates, service):
        if candidate.bundle != ours.bundle:
            return candidate.name
    raise UsageError(
        f"there is nothing to compare {ours.name} with: {service} has no other bundle and no other candidate",
        hint=f"change {service} and train again, or name another one",
    )


def read_margin(given: str) -> tuple[str, float]:
    name, _, number = given.partition("=")
    try:
        margin = float(number)
    except ValueError:
        margin = -1.0
    if not name or not margin >= 0:
        raise UsageError(f"--margin is {given!r}; {MARGIN} is meant", hint="--margin f1=0.02")
    return name, margin


def told(found: Comparison) -> Result:
    rows: list[tuple[str, ...]] = [("metric", "ours", "other", "difference", "95 % interval", "p", "verdict")]
    rows += [line(metric) for metric in found.metrics]
    about = [
        ("rows", found.told_rows),
        *([("data", told_data(found))] if found.our_data or found.other_data else []),
        *(("gate" if gate.verdict == "pass" else "GATE", f"{gate.verdict}: {gate.gate} ({gate.reason})")
          for gate in found.gates),
    ]  # fmt: skip
    head = f"{found.ours} is {words(found)} {found.other}"
    text = "\n".join([head, columns(about, "  "), columns(rows, "  ")])
    code = CODES.get(found.verdict, Exit.INCONCLUSIVE)
    return Result(msgspec.to_builtins(found), text, code, *refusal(found))


def line(metric: MetricDelta) -> tuple[str, ...]:
    name = f"{metric.name} (decides)" if metric.decides else metric.name
    if metric.verdict == "missing":
        return name, number(metric.ours), number(metric.other), "", "", "", "MISSING"
    interval = f"[{metric.low:+.4f}, {metric.high:+.4f}]"
    p = f"{metric.p:.3f}" if metric.p >= 0.001 else "<0.001"
    verdict = metric.verdict.upper() if metric.verdict == "worse" else metric.verdict
    if metric.verdict == "equal":
        verdict += f" within {metric.margin:.4g}"
    return name, number(metric.ours), number(metric.other), f"{metric.delta:+.4f}", interval, p, verdict


def number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def words(found: Comparison) -> str:
    return {
        "better": "better than",
        "equal": "as good as",
        "worse": "worse than",
        "missing": "not comparable with",
        "inconclusive": "perhaps better or worse than",
    }[found.verdict]


def told_data(found: Comparison) -> str:
    if found.our_data == found.other_data:
        return f"both learnt from {', '.join(map(short, found.our_data))}"
    ours, other = (", ".join(map(short, one)) or "generated rows" for one in (found.our_data, found.other_data))
    return f"learnt from {ours}; {found.other} from {other}"


def refusal(found: Comparison) -> tuple[str, str]:
    """Why the verdict is against what was asked, and what to do."""
    deciding = ", ".join(metric.name for metric in found.metrics if metric.decides)
    match found.verdict:
        case "worse":
            return f"{found.ours} is worse than {found.other} in {deciding}", "train a better one"
        case "missing":
            missing = ", ".join(metric.name for metric in found.metrics if metric.verdict == "missing")
            return f"there is no number for {missing} on these rows", "a metric that is missing passes nothing"
        case "inconclusive":
            hint = "more test rows narrow the interval; or say what does not matter: --margin METRIC=NUMBER"
            return f"{found.rows} rows cannot tell whether {found.ours} is better in {deciding}", hint
    return "", ""
