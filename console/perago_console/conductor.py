"""Conductor, where `CONDUCTOR_SERVER_URL` or an option says that it is; credentials are those of `perago register`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from pydantic import JsonValue

from perago.cli.credentials import URL, KeyPair, address
from perago.cli.output import Misused as CliMisused
from perago.wire.secrets import TOKEN_HEADERS
from perago_console.http import Http
from perago_console.problems import Misused, NotFound, Unanswered

UNKNOWN: Final = f"set {URL} to Conductor's API, which usually ends in /api"


@dataclass(frozen=True)
class Conductor:
    """One server, as far as the commands need it."""

    http: Http

    def log(self, task_id: str) -> list[str] | None:
        """The lines that the operator has copied to a task; None where there are none."""
        try:
            entries = self.http.call("GET", f"/tasks/{_safe(task_id)}/log", f"read the log of task {task_id}")
        except NotFound:
            return None
        return _lines(entries) or None

    def params(self, task_id: str) -> JsonValue:
        """The params of a task's input; None where Conductor does not know it any more."""
        try:
            task = self.http.call("GET", f"/tasks/{_safe(task_id)}", f"read task {task_id}")
        except NotFound:
            return None
        payload = task.get("inputData") if isinstance(task, dict) else None
        return payload.get("params") if isinstance(payload, dict) else None

    def retry(self, workflow: str) -> None:
        """Run the last failed task of a workflow that has failed again."""
        self.http.call("POST", f"/workflow/{_safe(workflow)}/retry", f"retry workflow {workflow}")

    def check(self) -> None:
        """Raises a problem if this is no Conductor, or if it refuses the credentials."""
        query = {"taskType": "perago"}
        if not isinstance(self.http.call("GET", "/tasks/queue/sizes", "tell the sizes of queues", query), dict):
            raise Unanswered(f"{self.http.url} does not answer as Conductor's API does; the URL usually ends in /api")


def conductor(environ: Mapping[str, str] | None = None) -> Conductor | None:
    """The server that the environment names; None where it names none."""
    variables = os.environ if environ is None else environ
    if not variables.get(URL):
        return None
    try:
        place = address(None, TOKEN_HEADERS[0], variables)
    except CliMisused as error:
        raise Misused(error.problems[0].message) from error
    header = place.credentials
    if isinstance(header, KeyPair):
        return Conductor(Http("Conductor", place.url, {"X-Authorization": _token(place.url, header)}))
    return Conductor(Http("Conductor", place.url, {header.name: header.value} if header else {}))


def _token(url: str, pair: KeyPair) -> str:
    answer = Http("Conductor", url).call(
        "POST", "/token", "exchange the key for a token", body={"keyId": pair.key, "keySecret": pair.secret}
    )
    token = answer.get("token") if isinstance(answer, dict) else None
    if not token:
        raise Unanswered(f"{url}/token answers without a token; is this a Conductor with keys?")
    return str(token)


def _lines(entries: JsonValue) -> list[str]:
    """Each entry may have several."""
    listed = entries if isinstance(entries, list) else []
    texts = [str(entry.get("log", "")) for entry in listed if isinstance(entry, dict)]
    return [line for text in texts for line in text.splitlines()]


def _safe(name: str) -> str:
    return quote(name, safe="")
