"""The workflows of a run: small bodies that write, read, change nothing, fail once and fail for good."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from perago_dev.environment import Environment
from perago_dev.servers.conductor_client import TERMINAL, ConductorSaysNo
from perago_dev.servers.lakefs import storage_namespace
from tests.chaos.stage import Journal
from tests.e2e.definitions import ConductorServer
from tests.kubectl import Object

RETRIES = 6
"""More than a task can need: failures on purpose, and pods that are lost more often than an attempt replaces them."""
RESPONSE_SECONDS = 40
READER_TTL = 30
MODULES = {
    "writes": "writable",
    "reads": "readonly",
    "keeps": "nochange",
    "flaky": "flaky",
    "fails": "terminal",
    "free": "free",
}
"""Ending of a task type → its module."""
NO_WORKSPACE = {"free"}


@dataclass(frozen=True)
class Shape:
    """A workflow: the endings of its task types in a row, how it has to end, and the attempts of a quiet run."""

    steps: Sequence[str]
    ends: str
    attempts: int


SHAPES: Mapping[str, Shape] = {
    "chain": Shape(("writes", "writes", "reads"), "COMPLETED", 3),
    "flaky": Shape(("flaky",), "COMPLETED", 2),
    "mixed": Shape(("keeps", "writes"), "COMPLETED", 2),
    "fails": Shape(("fails",), "FAILED", 1),
    "free": Shape(("free",), "COMPLETED", 1),
}


@dataclass
class Load:
    """The workflows of one run in one repository, whose name begins everything that the run registers."""

    run: str
    env: Environment
    image: str
    journal: Journal
    ttl: int | None = None
    """Seconds after which ended attempts go; otherwise only those of the readers go during the run."""
    started: dict[str, str] = field(default_factory=dict)
    """Id of each workflow → its type."""
    uncertain: list[tuple[str, str]] = field(default_factory=list)
    """Type and correlation id of workflows that may have been started: there was no answer."""
    ended: set[str] = field(default_factory=set)

    @property
    def conductor(self) -> ConductorServer:
        """The server, reached without the relay."""
        return ConductorServer(self.env.conductor_url)

    def register(self) -> list[Object]:
        """Register the run's definitions, and make its repository; returns its PeragoTasks."""
        for ending in MODULES:
            name = f"{self.run}-{ending}"
            self.conductor.define_task(name, retries=RETRIES, response_seconds=RESPONSE_SECONDS)
        for name, shape in SHAPES.items():
            self.conductor.define_workflow(f"{self.run}-{name}", [self._step(*step) for step in enumerate(shape.steps)])
        self._lakefs("POST", "", {"name": self.run, "storage_namespace": storage_namespace(self.run)})
        for path in ("changed.txt", "deleted.txt"):
            self._upload(path, b"first")
        self._lakefs("POST", f"/{self.run}/branches/main/commits", {"message": "input"})
        return [self._perago_task(ending, module) for ending, module in MODULES.items()]

    def _step(self, place: int, ending: str) -> tuple[str, Object]:
        workspace = f"${{step{place}.output.workspace}}" if place else "${workflow.input.workspace}"
        params = {"text": f"${{workflow.input.name}} step {place + 1}", "delay": "${workflow.input.delay}"}
        given: Object = {"params": params}
        return f"{self.run}-{ending}", given if ending in NO_WORKSPACE else {**given, "workspace": workspace}

    def _perago_task(self, ending: str, module: str) -> Object:
        name = f"{self.run}-{ending}"
        spec = {"taskType": name, "module": f"e2e_tasks.{module}", "image": self.image, "maxConcurrency": 6}
        ttl = {"ttlSecondsAfterFinished": seconds} if (seconds := self._ttls().get(name)) else {}
        head: Object = {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoTask", "metadata": {"name": name}}
        return {**head, "spec": {**spec, **ttl}}

    def start(self, number: int, name: str) -> None:
        """Start a workflow on a branch of its own; a try whose fate is unknown is repeated on another branch."""
        for repeat in range(100):
            branch = f"w{number}-{repeat}"
            try:
                made = self._lakefs("POST", f"/{self.run}/branches", {"name": branch, "source": "main"})
                workspace = {"repository": self.run, "branch": branch, "refType": "commit", "ref": made.text.strip('"')}
                given: Object = {"name": branch, "delay": 0.5 + number % 4, "workspace": workspace}
                query = {"correlationId": branch}
                answer = self.conductor.call("POST", f"/workflow/{self.run}-{name}", json=given, params=query)
                self.started[answer.text.strip('"')] = f"{self.run}-{name}"
                return
            except (ConductorSaysNo, httpx.HTTPError):
                self.uncertain.append((f"{self.run}-{name}", branch))
                time.sleep(2)
        raise SystemExit("chaos: no workflow could be started for minutes")

    def keep_going(self, names: Sequence[str], seconds: float, at_once: int, over: threading.Event) -> None:
        """Start the workflows at a steady pace over so many seconds, never more at once; ends early when it is over."""
        began = time.monotonic()
        for number, name in enumerate(names):
            while time.monotonic() < began + seconds * number / len(names) or len(self.open()) >= at_once:
                if over.wait(1):
                    return
            self.start(number, name)

    def open(self) -> list[str]:
        """Ids of the workflows that have not ended, as far as Conductor answers."""
        for id_ in set(self.started) - self.ended:
            try:
                if self.conductor.workflow(id_)["status"] in TERMINAL:
                    self.ended.add(id_)
            except ConductorSaysNo:
                break
        return sorted(set(self.started) - self.ended)

    def finish(self, limit: float) -> list[str]:
        """Wait until all workflows have ended, or for this time of the monotonic clock; those that have not."""
        for type_, correlation in self.uncertain:
            found = self.conductor.call(
                "GET", f"/workflow/{type_}/correlated/{correlation}", params={"includeClosed": "true"}
            )
            self.started |= {workflow["workflowId"]: type_ for workflow in found.json()}
        while (left := self.open()) and time.monotonic() < limit:
            time.sleep(3)
        return left

    def goes_by_itself(self, attempt: Object) -> bool:
        """Whether the attempt's time to live ends during the run."""
        return attempt["spec"].get("taskRef", {}).get("name") in self._ttls()

    def _ttls(self) -> dict[str, int]:
        if self.ttl is not None:
            return {f"{self.run}-{ending}": self.ttl for ending in MODULES}
        return {f"{self.run}-reads": READER_TTL}

    def expected(self) -> Object:
        """What the auditor is told of this run, beside the Leases."""
        return {
            "ends": {f"{self.run}-{name}": shape.ends for name, shape in SHAPES.items()},
            "started": self.started,
            "ttls": self._ttls(),
            "contents": {f"{self.run}-writes": "changed.txt"},
        }

    def _lakefs(self, method: str, path: str, body: Object) -> httpx.Response:
        url = f"{self.env.lakefs_endpoint}/api/v1/repositories{path}"
        answer = httpx.request(method, url, json=body, auth=self._keys, timeout=30, trust_env=False)
        return answer.raise_for_status()

    def _upload(self, path: str, content: bytes) -> None:
        url = f"{self.env.lakefs_endpoint}/api/v1/repositories/{self.run}/branches/main/objects"
        given = httpx.post(url, params={"path": path}, content=content, auth=self._keys, timeout=30, trust_env=False)
        given.raise_for_status()

    @property
    def _keys(self) -> tuple[str, str]:
        return self.env.lakefs_access_key, self.env.lakefs_secret_key
