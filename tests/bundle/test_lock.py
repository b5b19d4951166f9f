"""A model remembers which libraries made it, and says when others are here."""

from importlib.metadata import version
from pathlib import Path

import pytest

from towpath.bundle.lock import changed_libraries, write_lock
from towpath.bundle.read import read_bundle
from towpath.core import manifest


def test_the_lock_names_exact_versions_of_what_is_installed():
    assert f"scikit-learn=={version('scikit-learn')}\n".encode() in write_lock()


def test_a_bundle_made_here_is_made_with_what_is_here(bundles: dict[str, Path]):
    assert changed_libraries(read_bundle(bundles["iris"]).files[manifest.LOCK]) == []


@pytest.mark.feature("F016")
def test_another_version_is_told_with_both_numbers():
    here = version("scikit-learn")

    assert changed_libraries(b"scikit-learn==1.4.0\nmsgspec==" + version("msgspec").encode() + b"\n") == [
        f"scikit-learn 1.4.0 made it, {here} is here"
    ]


def test_a_library_that_a_worker_does_not_need_may_be_absent():
    assert changed_libraries(b"no-such-library==1.0\n") == []
