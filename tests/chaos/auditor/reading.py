"""Reads what Conductor, lakeFS and Kubernetes hold, by plain HTTP."""

import base64
import ssl
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.chaos.auditor.evidence import Commit, Evidence, Expected, Object, Repository, Sighting, Task, Workflow

SECONDS = 30.0
PAGE = 500
TRIES = 20
"""How often a server that does not answer is asked: it may be coming back from the last fault."""
ATTEMPTS = "/apis/perago.dev/v1alpha1/namespaces/{}/peragoattempts"
PODS = "/api/v1/namespaces/{}/pods"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
OF_ATTEMPTS = "perago.dev/attempt"


@dataclass(frozen=True)
class Servers:
    """Where everything is. Conductor's URL ends in `/api`, lakeFS's has no path."""

    kubeconfig: Path
    namespace: str
    conductor: str
    lakefs: str
    lakefs_keys: tuple[str, str]


def cluster(kubeconfig: Path) -> httpx.Client:
    """A client of the API server, by the client certificate of a kubeconfig with one cluster."""
    config = yaml.safe_load(kubeconfig.read_text())
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(b"\n".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        pem.flush()
        tls.load_cert_chain(pem.name)
    return httpx.Client(base_url=server["server"], verify=tls, timeout=SECONDS, trust_env=False)


def evidence(servers: Servers, expected: Expected, sightings: Sequence[Sighting]) -> Evidence:
    """All that is judged, as it is now."""
    ids = sorted(expected.started)
    with httpx.Client(base_url=servers.conductor, timeout=SECONDS, trust_env=False) as conductor:
        workflows = [found for id_ in ids if (found := _workflow(conductor, id_))]
    names = {t.given["workspace"]["repository"] for flow in workflows for t in flow.tasks if "workspace" in t.given}
    api = f"{servers.lakefs}/api/v1"
    with httpx.Client(base_url=api, auth=servers.lakefs_keys, timeout=SECONDS, trust_env=False) as lakefs:
        repositories = [_repository(lakefs, name) for name in sorted(names)]
        contents = dict(_contents(lakefs, workflows, expected))
    with cluster(servers.kubeconfig) as kubernetes:
        return Evidence(
            expected=expected,
            workflows=workflows,
            repositories=repositories,
            attempts=_listed(kubernetes, ATTEMPTS.format(servers.namespace)),
            pods=_listed(kubernetes, PODS.format(servers.namespace), labelSelector=OF_ATTEMPTS),
            leases=[one["metadata"]["name"] for one in _listed(kubernetes, LEASES.format(servers.namespace))],
            now=time.time(),
            sightings=sightings,
            contents=contents,
        )


def _get(client: httpx.Client, where: str, **query: Any) -> httpx.Response:
    """The answer to a request, which is repeated while the server does not answer or says that it cannot."""
    for _ in range(TRIES):
        try:
            answer = client.get(where, params=query)
        except httpx.TransportError:
            time.sleep(3)
            continue
        if answer.status_code < 500:
            return answer
        time.sleep(3)
    raise SystemExit(f"auditor: {client.base_url}{where} does not answer")


def _found(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = _get(client, path, **query)
    if not answer.is_success:
        raise SystemExit(f"auditor: {path}: {answer.status_code} {answer.text[:300]}")
    return answer.json()


def _workflow(conductor: httpx.Client, id_: str) -> Workflow | None:
    answer = _get(conductor, f"/workflow/{id_}", includeTasks="true")
    if answer.status_code == 404:
        return None
    found = answer.raise_for_status().json()
    tasks = [_task(id_, task) for task in found["tasks"]]
    return Workflow(id_, found["workflowName"], found["status"], tasks, found.get("input", {}))


def _task(workflow: str, task: Object) -> Task:
    return Task(
        id=task["taskId"],
        workflow=workflow,
        type=task["taskDefName"],
        reference=task["referenceTaskName"],
        retry=task["retryCount"],
        status=task["status"],
        given=task.get("inputData", {}),
        output=task.get("outputData", {}),
        reason=task.get("reasonForIncompletion", ""),
    )


def _repository(lakefs: httpx.Client, name: str) -> Repository:
    branches = _paged(lakefs, f"/repositories/{name}/branches")
    return Repository(name, {one["id"]: list(_history(lakefs, name, one["id"])) for one in branches})


def _history(lakefs: httpx.Client, repository: str, branch: str) -> Iterator[Commit]:
    for one in _paged(lakefs, f"/repositories/{repository}/refs/{branch}/commits"):
        yield Commit(one["id"], one["parents"], one.get("metadata") or {})


def _paged(lakefs: httpx.Client, path: str) -> Iterator[Object]:
    after = ""
    while True:
        page = _found(lakefs, path, amount=PAGE, after=after)
        yield from page["results"]
        if not page["pagination"]["has_more"]:
            return
        after = page["pagination"]["next_offset"]


def _contents(
    lakefs: httpx.Client, workflows: Sequence[Workflow], expected: Expected
) -> Iterator[tuple[tuple[str, str], str]]:
    for task in (task for flow in workflows for task in flow.tasks if task.type in expected.contents):
        workspace = task.output.get("workspace") or {}
        if task.status != "COMPLETED" or "ref" not in workspace:
            continue
        repository, ref, path = task.given["workspace"]["repository"], workspace["ref"], expected.contents[task.type]
        answer = _get(lakefs, f"/repositories/{repository}/refs/{ref}/objects", path=path)
        if answer.is_success:
            yield (ref, path), answer.text


def _listed(kubernetes: httpx.Client, path: str, **query: str) -> list[Object]:
    items: list[Object] = []
    token = ""
    while True:
        page = _found(kubernetes, path, limit=PAGE, **({"continue": token} if token else {}), **query)
        items += page["items"]
        token = page["metadata"].get("continue", "")
        if not token:
            return items
