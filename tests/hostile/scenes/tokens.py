"""What somebody does who has stolen the token of an agent: it is bound to the agent's pod."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.hostile.api import attempts, core, tasks
from tests.hostile.cases import Attacker, of
from tests.hostile.scene import Scene, Seen
from tests.hostile.sites import BARE, NAMESPACE, SYSTEM
from tests.hostile.stage import PAYROLL, Stage, attempt
from tests.kubectl import eventually

START = "2026-01-01T00:00:00Z"
TICKET = {"execution": 1, "number": 1, "time": START, "seconds": 60}
FORBIDDEN = "^403 .*cannot"
THIEF, VICTIM = "robbed", "neighbour"
Asked = tuple[str, Callable[[Stage], str], Any]
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
EVENT = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"namespace": NAMESPACE}}
TOKEN = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
LEASES = "/apis/coordination.k8s.io/v1/namespaces"

FORBIDDEN_REQUESTS: Mapping[str, tuple[str, str, Any]] = {
    "token: read a Secret": ("GET", core(NAMESPACE, "secrets", PAYROLL), None),
    "token: list Secrets": ("GET", core(NAMESPACE, "secrets"), None),
    "token: list attempts": ("GET", attempts(NAMESPACE), None),
    "token: read a PeragoTask": ("GET", tasks(NAMESPACE, "served"), None),
    "token: list pods": ("GET", core(NAMESPACE, "pods"), None),
    "token: create a pod": ("POST", core(NAMESPACE, "pods"), POD),
    "token: delete a pod": ("DELETE", core(NAMESPACE, "pods", f"{VICTIM}-1"), None),
    "token: open a shell": ("POST", core(NAMESPACE, "pods", f"{VICTIM}-1", "exec"), None),
    "token: make an attempt": ("POST", attempts(NAMESPACE), attempt("x", taskRef={"name": "served"}, input={})),
    "token: delete an attempt": ("DELETE", attempts(NAMESPACE, VICTIM), None),
    "token: cancel an attempt": ("PATCH", attempts(NAMESPACE, VICTIM), {"spec": {"cancel": True}}),
    "token: change its own spec": ("PATCH", attempts(NAMESPACE, THIEF), {"spec": {"cancel": True}}),
    "token: another token": ("POST", core(NAMESPACE, "serviceaccounts", "perago-runner", "token"), TOKEN),
    "token: write an event": ("POST", core(NAMESPACE, "events"), EVENT),
    "token: the operator's Lease": ("GET", f"{LEASES}/{SYSTEM}/leases/{NAMESPACE}-perago-operator", None),
    "token: an attempt elsewhere": ("GET", attempts(BARE.namespace, "steady"), None),
    "token: a ConfigMap": ("GET", core(NAMESPACE, "configmaps", "kube-root-ca.crt"), None),
    "token: nodes": ("GET", "/api/v1/nodes", None),
}
"""Requests that RBAC refuses."""

STATUSES: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "token: another's status": (
        VICTIM,
        {"step": "Executing"},
        f"pod {THIEF}-1 cannot write the status of attempt {VICTIM}",
    ),
    "token: another's outcome": (
        VICTIM,
        {"outcome": {"status": "COMPLETED", "reason": "Completed", "execution": 1, "output": {"result": "invented"}}},
        "cannot write the status of attempt",
    ),
    "token: the phase": (THIEF, {"phase": "Succeeded"}, "status.phase is written by Perago's operator alone"),
    "token: the pod's name": (THIEF, {"podName": f"{THIEF}-2"}, "status.podName is written by"),
    "token: the node": (THIEF, {"nodeName": "n"}, "status.nodeName is written by"),
    "token: executions": (THIEF, {"executions": 900}, "status.executions is written by"),
    "token: no executions": (THIEF, {"executions": None}, "status.executions is written by"),
    "token: reported already": (THIEF, {"reporting": {"state": "Accepted"}}, "status.reporting is written by"),
    "token: complete": (
        THIEF,
        {"conditions": [{"type": "Complete", "status": "True", "reason": "X", "lastTransitionTime": START}]},
        "status.conditions is written by",
    ),
    "token: a log": (THIEF, {"log": {"lines": ["x"]}}, "status.log is written by"),
    "token: a disruption": (
        THIEF,
        {"disruption": {"execution": 1, "message": "x", "since": START, "until": START}},
        "status.disruption is written by",
    ),
    "token: queued": (THIEF, {"timings": {"queued": 0}}, "status.timings.queued is written by"),
    "token: a turn of its own": (THIEF, {"turn": {"granted": TICKET}}, "status.turn.granted is written by"),
    "token: another execution's outcome": (
        THIEF,
        {"outcome": {"status": "FAILED", "reason": "X", "execution": 2}},
        "status.outcome.execution must be the number",
    ),
    "token: an outcome of nobody's": (
        THIEF,
        {"outcome": {"status": "FAILED", "reason": "X"}},
        "status.outcome.execution must be the number",
    ),
    "token: somebody's branch": (
        THIEF,
        {"staging": {"repository": "payroll", "branch": "audit", "state": "Active"}},
        "status.staging.branch must be",
    ),
    "token: a field that there is not": (THIEF, {"operator": True}, 'unknown field "status.operator"'),
}
"""Patches of a status → what the refusal says."""

AFTERWARDS = {"token: once its pod is gone": "^401 "}
ELSEWHERE = "token: its branch in another repository"
CASES = of(
    Attacker.TOKEN,
    {
        **dict.fromkeys(FORBIDDEN_REQUESTS, FORBIDDEN),
        **{name: f"^(403|422|400) .*{words}" for name, (_, _, words) in STATUSES.items()},
        ELSEWHERE: "^(403|422) .*status.staging.repository must be",
        **AFTERWARDS,
    },
)


def stolen(stage: Stage, pod: str) -> str:
    """The token of the agent of a pod of the site that runs."""
    path = "/var/run/secrets/perago.dev/cluster/token"
    ready = partial(_runs, stage, pod)
    eventually(ready, f"the containers of pod {pod}", 300)
    token = stage.cluster()("exec", pod, "-c", "agent", "--", "cat", path).strip()
    stage.canaries[f"token of {stage.site.namespace}/{pod}"] = token.rpartition(".")[2]
    return token


def _runs(stage: Stage, pod: str) -> bool | None:
    answer = stage.api.answer("GET", core(stage.site.namespace, "pods", pod))
    states = answer.json()["status"].get("containerStatuses", []) if answer.is_success else []
    return len([one for one in states if "running" in one["state"]]) == 2 or None


def _begin(stage: Stage) -> Callable[[], Seen]:
    # its input names a repository, as one that publishes does; the task uses none of it
    given = {"workspace": {"repository": "wages", "branch": "main", "refType": "commit", "ref": "0" * 64}, "params": {}}
    made = [stage.attempt(VICTIM, "waits"), stage.attempt(THIEF, "stays", given)]
    stage.make(*made)
    return lambda: _seen(stage)


def _seen(stage: Stage) -> Seen:
    token = stolen(stage, f"{THIEF}-1")
    seen = {
        name: stage.api.asked(method, path, body, token=token, dry=method != "GET")
        for name, (method, path, body) in FORBIDDEN_REQUESTS.items()
    }
    for name, (whose, status, _) in STATUSES.items():
        seen[name] = _patched(stage, token, whose, status)
    seen[ELSEWHERE] = _patched(stage, token, THIEF, {"staging": {**_branch(stage), "repository": "payroll"}})
    stage.cluster()("delete", "peragoattempt", THIEF, "--timeout=100s")
    own = attempts(NAMESPACE, VICTIM)
    seen["token: once its pod is gone"] = eventually(
        lambda: told if (told := stage.api.asked("GET", own, token=token)).startswith("401") else None,
        "the end of the token",
        120,
    )
    return seen


def _patched(stage: Stage, token: str, whose: str, status: dict[str, Any]) -> str:
    return stage.api.asked("PATCH", attempts(NAMESPACE, whose, "status"), {"status": status}, token=token, dry=True)


def _branch(stage: Stage) -> dict[str, str]:
    """The name that its agent would give its staging branch."""
    return {"branch": own_branch(stage.api.read(attempts(NAMESPACE, THIEF))), "state": "Active"}


def own_branch(found: dict[str, Any], execution: int = 1) -> str:
    """The name that an agent gives the staging branch of a standalone attempt."""
    meta = found["metadata"]
    name, uid = meta["name"], meta["uid"]
    parts = ("perago-staging", f"kubernetes-{meta['namespace']}", name, "seq-0", "iteration-0", f"task-id-{uid}")
    return "-".join((*parts, "retry-0", "exec", f"{uid}-{execution}"))


TOKENS = Scene("tokens", CASES, _begin)
