"""Runs and packed bundles on an MLflow server. Our candidates are the truth; the server is a window on them."""

import os
import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from towpath.core import formats
from towpath.core.errors import InfrastructureError, TowpathError
from towpath.core.tracked import TrackedRun, check_alias
from towpath.training.tracking import ItemRefused

CONNECT_SECONDS = 3.0
AT_ONCE = 100  # parameters or tags that one call takes; of metrics it takes more
LONGEST = 500  # characters of a parameter; older servers refuse more
ABOUT_THE_ITEM = frozenset({400, 409, 413, 415, 422})
"""Statuses that say what was sent is at fault. 401, 403, 404 and 407 mean the address or the password, which would
refuse everything; 408 and 429 pass."""
RUN_TAG = "towpath.run"
BUNDLE_TAG = "towpath.bundle"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",  # its own are 120 seconds and 7 retries, which is a training that hangs
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # what fails waits in the outbox
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # a result on stdout stays a result alone
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass
class MlflowMirror:
    """One experiment for each service, one run for each training, one model version for each packed bundle.

    model: the name of the registered model; the service's own where none is given.
    """

    uri: str
    project: str
    model: str = ""

    @property
    def where(self) -> str:
        """The address as it is told to people: without user and password."""
        parts = urlsplit(self.uri)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))

    def add_run(self, run: TrackedRun, folder: Path) -> None:
        with told_plainly(of_item=True):
            self._run_id(self._client(), run, folder)

    def add_version(self, run: TrackedRun, folder: Path, bundle: str) -> None:
        """A version points at its run's artifacts: a path on this machine would be refused, and mean nothing there."""
        name = self.model or run.service
        with told_plainly(of_item=True):
            client = self._client()
            run_id = self._run_id(client, run, folder)
            if self._version(client, name, bundle):
                return
            self._make_model(client, name)
            source = f"{client.get_run(run_id).info.artifact_uri}/bundle"
            tags = {BUNDLE_TAG: bundle, "towpath.candidate": run.candidate, "towpath.service": run.service}
            client.create_model_version(name, source=source, run_id=run_id, tags=tags, await_creation_for=0)

    def set_alias(self, service: str, alias: str, bundle: str) -> None:
        """Point an alias, such as an environment's name, at the version of a bundle.

        MLflow keeps no history of aliases: who moves one records it elsewhere first. Raises UsageError for a reserved
        name, InfrastructureError where the bundle is not registered.
        """
        check_alias(alias)
        name = self.model or service
        with told_plainly():
            client = self._client()
            version = self._version(client, name, bundle)
            if version is None:
                raise InfrastructureError(
                    f"{self.where} has no version of {name} for bundle:{bundle[:12]}", hint="towpath candidate track"
                )
            client.set_registered_model_alias(name, alias, version.version)

    def alias(self, service: str, alias: str) -> str:
        """The bundle that an alias points at; "" where there is no such alias."""
        with told_plainly():
            client = self._client()
            found = client.search_model_versions(f"name = '{self.model or service}'")
            versions = {version.version: version.tags.get(BUNDLE_TAG, "") for version in found}
            aliases = client.get_registered_model(self.model or service).aliases if versions else {}
            return str(versions.get(aliases.get(alias), ""))

    def _client(self) -> Any:
        """Raises InfrastructureError where the library is missing or nobody listens; asked before the library is
        loaded, which takes two seconds.
        """
        self._knock()
        os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
        try:
            from mlflow import MlflowClient
        except ModuleNotFoundError as error:
            raise InfrastructureError(
                "mirroring runs needs mlflow, which is not installed", hint='pip install "towpath[tracking]"'
            ) from error
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def _knock(self) -> None:
        parts = urlsplit(self.uri)
        if parts.scheme in urllib.request.getproxies():
            return  # only the proxy can say
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), CONNECT_SECONDS).close()
        except OSError as error:
            reason = error.strerror or str(error) or "no answer"
            raise InfrastructureError(f"cannot be reached: {reason}") from error

    def _run_id(self, client: Any, run: TrackedRun, folder: Path) -> str:
        """The id of this run on the server, made and filled where it is not there in full."""
        with told_plainly():  # what is asked for every item: whoever refuses it, such as a wrong port, refuses all
            experiment = self._experiment(client, run.service)
        known = formats.digest(formats.canonical(run))
        found = client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{known}'", max_results=1)
        if found and found[0].info.status == "FINISHED":
            return str(found[0].info.run_id)
        at = int(run.at * 1000)
        made = found[0] if found else client.create_run(
            experiment, start_time=at, tags={RUN_TAG: known}, run_name=run.candidate
        )  # fmt: skip
        self._fill(client, made.info.run_id, run, folder, at)
        return str(made.info.run_id)

    def _fill(self, client: Any, run_id: str, run: TrackedRun, folder: Path, at: int) -> None:
        """Finished last: a run that is not finished is filled again."""
        from mlflow.entities import Metric, Param, RunTag

        params = [Param(name, value[:LONGEST]) for name, value in run.params.items()]
        tags = [RunTag(name, value) for name, value in run.tags.items()]
        metrics = [Metric(name, value, at, 0) for name, value in run.metrics.items()]
        client.log_batch(run_id, metrics=metrics, tags=tags)
        for some in _in_pieces(params):
            client.log_batch(run_id, params=some)
        for name in run.files:
            client.log_artifact(run_id, str(folder / name), "bundle" if "/" in name else None)
        client.set_terminated(run_id, "FINISHED", end_time=at)

    def _experiment(self, client: Any, service: str) -> str:
        from mlflow.exceptions import MlflowException

        name = f"{self.project}/{service}"
        found = client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # another training made it meanwhile
            return str(client.get_experiment_by_name(name).experiment_id)

    def _version(self, client: Any, name: str, bundle: str) -> Any:
        found = client.search_model_versions(f"name = '{name}'")
        return next((version for version in found if version.tags.get(BUNDLE_TAG) == bundle), None)

    def _make_model(self, client: Any, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(name, tags={"towpath.project": self.project})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


@contextmanager
def told_plainly(*, of_item: bool = False) -> Iterator[None]:
    """MLflow's errors quote the whole request; a person is told what the server did.

    Raises InfrastructureError, and of an item ItemRefused where the item is at fault.
    """
    try:
        yield
    except Exception as error:  # of requests, urllib3 and MLflow, all of which mean that the server did not do it
        if isinstance(error, TowpathError):
            raise
        kind = ItemRefused if of_item and _status(error) in ABOUT_THE_ITEM else InfrastructureError
        raise kind(_plain_reason(str(error))) from error


def _status(error: BaseException) -> int:
    """The HTTP status that an error of MLflow or requests stands for; 0 where it stands for none."""
    code = getattr(getattr(error, "response", None), "status_code", None)  # requests', of files
    if code is None and (said := re.search(r"failed with error code (\d{3})", str(error))):  # MLflow maps few of them
        code = said[1]
    if code is None and hasattr(error, "get_http_status_code"):
        code = error.get_http_status_code()
    return int(code or 0)


def _plain_reason(said: str) -> str:
    """
    >>> _plain_reason("... (Caused by ResponseError('too many 503 error responses'))")
    'answers with status 503'
    """
    if "timed out" in said.lower() or "ReadTimeout" in said:
        return "accepts a connection and does not answer"
    if failed := re.search(r"too many (\d{3}) error|error code (\d{3})", said):
        return f"answers with status {failed[1] or failed[2]}"
    return (said.strip().splitlines() or ["fails without a word"])[0][:200]


def _in_pieces(items: list[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(islice(rest, AT_ONCE)):
        yield some
