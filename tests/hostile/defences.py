"""The defences, each of which is taken away in turn: the cases that it decides must then notice.

Some are objects of the cluster, which are removed or changed. The others are code: `defused/sitecustomize.py` replaces
it inside the operator, or in the agents of the pods that it makes.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.hostile.cases import NOTHING, Escape, escapes
from tests.hostile.scene import Scene
from tests.hostile.scenes.attempts import AUTHORED, SECOND_LINE
from tests.hostile.scenes.bare import UNGUARDED
from tests.hostile.scenes.bodies import CALLS, ENDINGS, PROBES
from tests.hostile.scenes.images import IMAGES
from tests.hostile.scenes.people import ASKED, DECLARED, PEOPLE, steady
from tests.hostile.scenes.tokens import TOKENS
from tests.hostile.stage import BARE, HERE, NAMESPACE, OPERATOR, PERSON, SYSTEM, Stage, install
from tests.kubectl import Object, eventually

LEVEL = "pod-security.kubernetes.io/enforce"
POLICY = f"{SYSTEM}.{NAMESPACE}-perago"
BARE_OPERATOR = f"{BARE}-perago-operator"
CRD = "peragoattempts.perago.dev"
ATTEMPTS = "peragoattempts"
Removal = Callable[[Stage], AbstractContextManager[None]]


@dataclass(frozen=True)
class Defence:
    """One defence, and the scene that shows that it is there."""

    name: str
    scene: Scene
    removed: Removal
    """In this block it is not there."""


def play(stage: Stage, scene: Scene) -> list[Escape]:
    """Begin a scene, wait for its end, and say which cases escaped."""
    return escapes(scene.cases, scene.begin(stage)())


def without(stage: Stage, defence: Defence) -> list[Escape]:
    """The escapes of the defence's scene while the defence is away; nothing is left of the attempts afterwards."""
    clear(stage)
    with defence.removed(stage):
        found = play(stage, defence.scene)
    clear(stage)
    return [escape for escape in found if escape.seen != NOTHING]  # a scene that breaks off has shown nothing


def clear(stage: Stage) -> None:
    """Remove all attempts and PeragoTasks, so that a scene can be played again."""
    for namespace in (NAMESPACE, BARE):
        stage.cluster(namespace)("delete", "peragotasks", "--all")
        stage.cluster(namespace)("delete", ATTEMPTS, "--all", "--timeout=100s")


# --- objects of the cluster


def _binding(policy: str) -> Removal:
    """Without the binding of a policy."""

    @contextmanager
    def removed(stage: Stage) -> Iterator[None]:
        name = f"{POLICY}-{policy}"
        found = stage.cluster().json("get", "validatingadmissionpolicybinding", name)
        stage.cluster()("delete", "validatingadmissionpolicybinding", name)
        try:
            _noticed(stage, SHOWN_BY[policy], refused=False)
            yield
        finally:
            kept = {
                key: found["metadata"][key] for key in ("name", "labels", "annotations") if key in found["metadata"]
            }
            stage.cluster().apply([{**found, "metadata": kept}])
            _noticed(stage, SHOWN_BY[policy], refused=True)

    return removed


SHOWN_BY: dict[str, str] = {
    "attempts": "somebody's Conductor task",
    "status": "administrator: the status of an attempt",
    "tasks": "administrator: the status of a PeragoTask",
}
"""Policy → a case that it alone decides: whether the API server has noticed a change is asked by it."""


def _noticed(stage: Stage, case: str, *, refused: bool) -> None:
    """Wait until the API server has noticed the change: it refuses what the case asks, or does so no more."""
    stage.make(*steady(stage))
    ask, _ = {**ASKED, **DECLARED}[case]
    eventually(lambda: (ask(stage)[0] != "2") == refused or None, f"another answer to {case}", 60)


@contextmanager
def _without_schema(stage: Stage) -> Iterator[None]:
    """The CRD takes whatever a pod template says."""
    crd = stage.cluster().json("get", "crd", CRD)
    loose = json.loads(json.dumps(crd))
    for version in loose["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        spec["properties"]["podTemplate"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    _replaced(stage, loose)
    try:
        _noticed(stage, "a Secret as a volume", refused=False)
        yield
    finally:
        _replaced(stage, crd)
        _noticed(stage, "a Secret as a volume", refused=True)


def _replaced(stage: Stage, crd: Object) -> None:
    patch = [{"op": "replace", "path": "/spec/versions", "value": crd["spec"]["versions"]}]
    stage.cluster()("patch", "crd", CRD, "--type=json", "-p", json.dumps(patch))


@contextmanager
def _more_for_agents(stage: Stage) -> Iterator[None]:
    """The role of agents may do what an administrator of the namespace may."""
    with _bound(stage, "more-for-agents", {"kind": "ServiceAccount", "name": "perago-runner", "namespace": NAMESPACE}):
        yield


@contextmanager
def _more_for_people(stage: Stage) -> Iterator[None]:
    """So may the person who may create attempts."""
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": PERSON}
    with _bound(stage, "more-for-people", user):
        yield


@contextmanager
def _bound(stage: Stage, name: str, subject: Object) -> Iterator[None]:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"hostile-{name}"},
        "roleRef": role,
        "subjects": [subject],
    }
    stage.cluster().apply([binding])
    try:
        yield
    finally:
        stage.cluster()("delete", "clusterrolebinding", f"hostile-{name}")


@contextmanager
def _any_pod(stage: Stage) -> Iterator[None]:
    """The namespace admits every pod."""
    stage.cluster()("label", "namespace", NAMESPACE, f"{LEVEL}=privileged", "--overwrite")
    try:
        yield
    finally:
        stage.cluster()("label", "namespace", NAMESPACE, f"{LEVEL}=restricted", "--overwrite")


# --- code


def _defused(name: str, namespace: str = SYSTEM) -> Removal:
    """The operator of a namespace runs without it; pods without their confinement need a namespace that takes them."""

    @contextmanager
    def removed(stage: Stage) -> Iterator[None]:
        with _any_pod(stage):
            _patched(stage, namespace, name)
            try:
                yield
            finally:
                operator = _operator_of(namespace)
                stage.cluster(namespace)("rollout", "undo", f"deployment/{operator}")
                stage.cluster(namespace).rolled_out(namespace, operator, 180)

    return removed


def _operator_of(namespace: str) -> str:
    return BARE_OPERATOR if namespace == BARE else OPERATOR


def _patched(stage: Stage, namespace: str, name: str) -> None:
    """Mount `sitecustomize.py` into the operator, and let pods of its namespace do so."""
    code = {"sitecustomize.py": (HERE / "defused" / "sitecustomize.py").read_text()}
    configuration = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "defused"}, "data": code}
    for one in (SYSTEM, NAMESPACE, BARE):
        stage.make(configuration, namespace=one)
    mount = {"name": "defused", "mountPath": "/defused", "readOnly": True}
    env = [{"name": "PYTHONPATH", "value": "/defused"}, {"name": "DEFUSED", "value": name}]
    container = {"name": "operator", "env": env, "volumeMounts": [mount]}
    spec = {"containers": [container], "volumes": [{"name": "defused", "configMap": {"name": "defused"}}]}
    patch = json.dumps({"spec": {"template": {"spec": spec}}})
    operator = _operator_of(namespace)
    stage.cluster(namespace)("patch", "deployment", operator, "--type=strategic", "-p", patch)
    stage.cluster(namespace).rolled_out(namespace, operator, 180)


@contextmanager
def _without_templates(stage: Stage) -> Iterator[None]:
    """Neither the API server nor the operator looks at what a pod template says."""
    with _without_schema(stage), _binding("attempts")(stage), _defused("templates")(stage):
        yield


DEFENCES: Sequence[Defence] = (
    Defence("the admission policy of attempts", PEOPLE, _binding("attempts")),
    Defence("the admission policy of their status", TOKENS, _binding("status")),
    Defence("the admission policy of PeragoTasks", PEOPLE, _binding("tasks")),
    Defence("the schema of pod templates", PEOPLE, _without_schema),
    Defence("the role of agents", TOKENS, _more_for_agents),
    Defence("the role of people", PEOPLE, _more_for_people),
    Defence("the level of Pod Security", AUTHORED, _any_pod),
    Defence("the operator's look at pod templates", SECOND_LINE, _without_templates),
    Defence("the operator's look at claims", UNGUARDED, _defused("claims", BARE)),
    Defence("the operator's look at staging branches", UNGUARDED, _defused("staging", BARE)),
    Defence("the read-only root file system", PROBES, _defused("read-only root")),
    Defence("no capabilities, and no new ones", PROBES, _defused("capabilities")),
    Defence("the filter of system calls", PROBES, _defused("system calls")),
    Defence("a user that is not root", PROBES, _defused("user")),
    Defence("the token for the agent alone", PROBES, _defused("token")),
    Defence("the keys for the agent alone", PROBES, _defused("keys")),
    Defence("processes apart", PROBES, _defused("processes")),
    Defence("the sizes of volumes", PROBES, _defused("sizes of volumes")),
    Defence("the agent's single connection", IMAGES, _defused("one connection")),
    Defence("the agent cannot be traced", PROBES, _defused("untraceable")),
    Defence("the order of calls", CALLS, _defused("order of calls")),
    Defence("the words of outcomes", ENDINGS, _defused("words of outcomes")),
)


def put_back(stage: Stage) -> None:
    """Everything as it should be, whatever a variant that broke off has left."""
    for name in ("more-for-agents", "more-for-people"):
        stage.cluster()("delete", "clusterrolebinding", f"hostile-{name}", "--ignore-not-found")
    install(stage)
