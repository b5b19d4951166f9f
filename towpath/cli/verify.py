"""towpath verify: whether a bundle is what was proved."""

import click

from towpath.bundle.lock import changed_libraries
from towpath.cli.layout import short, size
from towpath.cli.packed import find_bundle, prove_bundle
from towpath.cli.project import bundle_argument
from towpath.cli.session import Result, Session, Verb
from towpath.core import manifest
from towpath.training.card_check import check_card


@click.command(cls=Verb, epilog="Example: towpath verify .towpath/bundles/bankchurn/5793faf16289")
@bundle_argument
@click.pass_obj
def verify(session: Session, bundle: str) -> Result:
    """Check every byte of a bundle against its manifest, then have it answer every golden row.

    BUNDLE is a folder, the beginning of an id, or a service, whose newest packed candidate is meant. A file that is
    changed, missing, extra or linked refuses it by name, exit code 10; so does a model card that says something else
    than was measured.
    """
    path = find_bundle(session, bundle)
    session.say(f"verifying {path}")
    proved = prove_bundle(path)
    found, rows = proved.bundle, proved.golden_rows
    check_card(found)
    total = sum(entry.size for entry in found.manifest.files.values())
    holds = f"{len(found.files)} files, {size(total)}, {rows} golden rows answered as recorded"
    changed = changed_libraries(found.files[manifest.LOCK])
    for library in changed:
        session.say(f"warning: {library}; what it answers is proved, but a training here gives another model")
    if changed:
        session.say(f"  try: towpath train {found.contract.service}, to retrain with what is here")
    data = {
        "service": found.contract.service,
        "id": found.id,
        "path": str(path),
        "files": len(found.files),
        "bytes": total,
        "golden_rows": rows,
        "changed_libraries": changed,
    }
    return Result(data, f"OK bundle:{short(found.id)} of {found.contract.service}: {holds}")
