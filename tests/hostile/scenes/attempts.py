"""Attempts and PeragoTasks that the API server takes: what becomes of them, and of everybody else meanwhile."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.hostile.api import attempts as attempts_path
from tests.hostile.api import core
from tests.hostile.cases import Attacker, of
from tests.hostile.scene import Scene, Seen, followed
from tests.hostile.schema import without_schema
from tests.hostile.sites import BARE, NAMESPACE, SYSTEM, slug
from tests.hostile.stage import PAYROLL, PERSON, SMALL, Stage, attempt, task, told
from tests.kubectl import Object, eventually

INVALID = "^Failed, executions [01], FAILED_WITH_TERMINAL_ERROR, InvalidTask, "
REFUSED_POD = "^Failed, executions [01], FAILED.*violates PodSecurity"
Template = dict[str, Any]


def _volume(**source: object) -> Template:
    return {"spec": {"volumes": [{"name": "taken", **source}], **_mounting("taken")}}


def _mounting(volume: str) -> dict[str, Any]:
    return {"containers": [{"name": "task", "volumeMounts": [{"name": volume, "mountPath": "/taken"}]}]}


def _task(**fields: object) -> Template:
    return {"spec": {"containers": [{"name": "task", **fields}]}}


def _beside(**context: object) -> Template:
    side = {"name": "side", "image": "x", "securityContext": context}
    return {"spec": {"containers": [{"name": "task"}, side]}}


TOKEN = {"serviceAccountToken": {"path": "token"}}
KEY = {"secretKeyRef": {"name": "perago-lakefs", "key": "secretAccessKey"}}
TEMPLATES: Mapping[str, tuple[Template, str]] = {
    "author: the keys as a volume": (_volume(secret={"secretName": "perago-lakefs"}), INVALID),
    "author: the keys in a projection": (
        _volume(projected={"sources": [{"secret": {"name": "perago-conductor"}}]}),
        INVALID,
    ),
    "author: a token of the agents'": (_volume(projected={"sources": [TOKEN]}), INVALID),
    "author: the keys as a variable": (_task(env=[{"name": "K", "valueFrom": KEY}]), INVALID),
    "author: the keys as variables": (_task(envFrom=[{"secretRef": {"name": "perago-conductor"}}]), INVALID),
    "author: a mount of the keys": ({"spec": _mounting("lakefs-keys")}, INVALID),
    "author: a mount of the token": ({"spec": _mounting("cluster-token")}, INVALID),
    "author: the agent's temporary files": ({"spec": _mounting("agent-tmp")}, INVALID),
    "author: another volume of this name": ({"spec": {"volumes": [{"name": "lakefs-keys", "emptyDir": {}}]}}, INVALID),
    "author: another workspace": (
        {"spec": {"volumes": [{"name": "workspace", "secret": {"secretName": PAYROLL}}]}},
        INVALID,
    ),
    "author: a mount over the socket": (
        {
            "spec": {
                "containers": [{"name": "task", "volumeMounts": [{"name": "task-tmp", "mountPath": "/run/perago"}]}]
            }
        },
        INVALID,
    ),
    "author: an annotation that confines": (
        {"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/task": "unconfined"}}},
        INVALID,
    ),
    "author: the node's files": (_volume(hostPath={"path": "/"}), REFUSED_POD),
    "author: a privileged container": (_beside(privileged=True), REFUSED_POD),
    "author: a container as root": (
        _beside(runAsUser=0, runAsNonRoot=False, allowPrivilegeEscalation=False, capabilities={"drop": ["ALL"]}),
        REFUSED_POD,
    ),
}
"""Pod templates of PeragoTasks that the API server takes → what becomes of an attempt of each."""

SECOND: Mapping[str, Template] = {
    "second line: a Secret": _volume(secret={"secretName": PAYROLL}),
    "second line: a container": {"spec": {"containers": [{"name": "task"}, {"name": "side", "image": "x"}]}},
    "second line: a label": {"metadata": {"labels": {"app": "bank"}}},
    "second line: a priority": {"spec": {"priorityClassName": "system-node-critical"}},
    "second line: the node's network": {"spec": {"hostNetwork": True}},
    "second line: a directive": {"spec": {"$patch": "replace", "containers": [{"name": "evil", "image": "x"}]}},
}
"""Pod templates of attempts that the API server refuses, unless the schema of the CRD is gone."""


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def _keeping(stage: Stage, template: Template) -> Object:
    """The template with an image that there is, and with little to ask for."""
    containers = template.get("spec", {}).get("containers")
    if not containers:
        return template
    named = [{**one, "image": stage.image} if one.get("image") == "x" else one for one in containers]
    return {**template, "spec": {**template["spec"], "containers": named}}


def _authors(stage: Stage) -> Callable[[], Seen]:
    code = {"module": "hostile_tasks.misbehaves", "image": stage.image, "resources": SMALL}
    given = {"params": {"way": HARMLESS}}
    made = []
    for case, (template, _) in TEMPLATES.items():
        stage.make(task(slug(case), podTemplate=_keeping(stage, template), **code))
        made.append(attempt(slug(case), taskRef={"name": slug(case)}, input=given, activeDeadlineSeconds=120))
    stage.make(*made)

    def seen() -> Seen:
        over = followed(stage, made, 600)
        return {case: told(over[slug(case)]) for case in TEMPLATES}

    return seen


def _second_line(stage: Stage) -> Callable[[], Seen]:
    """Attempts whose templates the operator alone can refuse; all are over before the schema is back."""
    given = {"params": {"way": HARMLESS}}
    made = [
        stage.attempt(slug(case), "misbehaves", given, podTemplate=_keeping(stage, template), activeDeadlineSeconds=60)
        for case, template in SECOND.items()
    ]
    with without_schema(stage):
        stage.make(*made)
        over = followed(stage, made)
    return lambda: {case: told(over[slug(case)]) for case in SECOND}


TAKEN, DEEP, MANY = "a pod of a stranger's", "a template without end", "input by the megabyte"
STRANGER = "strange-1"
PERSONS = {
    TAKEN: "^PodNameTaken, and deleted: the pod is as it was$",
    DEEP: INVALID.replace("InvalidTask", "InvalidSpec"),
    MANY: "^the operator was restarted 0 times, Succeeded, ",
}
MEGABYTES = 40
HARMLESS = "a link in its own place"
"""A way to misbehave that succeeds."""


def _operator_restarts(stage: Stage) -> int:
    pods = stage.cluster(SYSTEM).list("pods", f"app.kubernetes.io/instance={NAMESPACE}")
    return sum(one["restartCount"] for pod in pods for one in pod["status"].get("containerStatuses", []))


def _persons(stage: Stage) -> Callable[[], Seen]:
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    container = {
        "name": "c",
        "image": stage.image,
        "command": ["sleep", "3600"],
        "securityContext": {**context, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    stranger = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": STRANGER}}
    stage.make({**stranger, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}})
    uid = stage.api.read(core(NAMESPACE, "pods", STRANGER))["metadata"]["uid"]
    restarts = _operator_restarts(stage)
    deep = {"podTemplate": {"spec": {"affinity": _nested(200)}}}
    made = [
        stage.attempt("strange", "waits", activeDeadlineSeconds=15),
        stage.attempt("deep", "lists", **deep),
    ]
    for one in made:
        stage.api.answer("POST", attempts_path(NAMESPACE), one, who=PERSON).raise_for_status()
    for number in range(MEGABYTES):
        large = attempt(f"large-{number}", taskRef={"name": "absent"}, input={"params": {"x": "y" * 1_000_000}})
        stage.api.answer("POST", attempts_path(NAMESPACE), large, who=PERSON).raise_for_status()
    after = stage.attempt("after-the-large", "misbehaves", {"params": {"way": HARMLESS}})
    stage.make(after)

    def seen() -> Seen:
        over = followed(stage, [*made[1:], after], 600)
        reason = eventually(partial(_pod_ready, stage, "strange"), "the condition of attempt strange", 60)
        stage.cluster()("delete", "peragoattempt", "strange", "--timeout=100s")
        there = stage.cluster().get("pod", STRANGER) or {"metadata": {}}
        same = there["metadata"].get("uid") == uid and "deletionTimestamp" not in there["metadata"]
        pod = "the pod is as it was" if same else "the pod is gone"
        restarted = f"the operator was restarted {_operator_restarts(stage) - restarts} times"
        _remove_large(stage)
        stage.cluster()("delete", "pod", STRANGER, "--ignore-not-found")
        return {
            TAKEN: f"{reason}, and deleted: {pod}",
            DEEP: told(over["deep"]),
            MANY: f"{restarted}, {told(over['after-the-large'])}",
        }

    return seen


def _pod_ready(stage: Stage, name: str) -> str | None:
    """The reason of the condition, once there is one."""
    conditions = stage.api.read(attempts_path(NAMESPACE, name)).get("status", {}).get("conditions", [])
    return next((str(one["reason"]) for one in conditions if one["type"] == "PodReady"), None)


def _remove_large(stage: Stage) -> None:
    names = [f"large-{number}" for number in range(MEGABYTES)]
    stage.cluster()("delete", "peragoattempts", "--ignore-not-found", "--timeout=100s", *names)


AUTHORED = Scene("authors", of(Attacker.AUTHOR, {case: want for case, (_, want) in TEMPLATES.items()}), _authors)
SECOND_LINE = Scene("second line", of(Attacker.PERSON, dict.fromkeys(SECOND, INVALID)), _second_line, BARE)
MADE = Scene("attempts", of(Attacker.PERSON, PERSONS), _persons)
