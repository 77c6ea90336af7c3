"""What a person who may create attempts asks of the API server; an author of PeragoTasks, likewise.

Creations are dry runs: the API server decides, and keeps nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tests.hostile.api import attempts, core, tasks
from tests.hostile.cases import Attacker, Case, of
from tests.hostile.scene import Scene, Seen
from tests.hostile.sites import BARE, NAMESPACE, OTHER, SYSTEM
from tests.hostile.stage import AUTHOR, PAYROLL, PERSON, Stage, attempt, task

Spec = dict[str, Any]
CONDUCTOR: Spec = {"taskType": "pay", "workflowInstanceId": "w", "taskId": "t", "referenceTaskName": "r", "seq": 1}
IMAGE: Spec = {"module": "m", "image": "i"}
REFUSED = "^(400|403|413|422) .*"


def _pod(**spec: Any) -> Spec:
    return {"podTemplate": {"spec": spec}}


def _metadata(**metadata: Any) -> Spec:
    return {"podTemplate": {"metadata": metadata}}


def _container(**fields: Any) -> Spec:
    return _pod(containers=[{"name": "task", **fields}])


TEMPLATES: Mapping[str, tuple[Spec, str]] = {
    "a Secret as a volume": (_pod(volumes=[{"name": "s", "secret": {"secretName": PAYROLL}}]), "volumes cannot be set"),
    "a claim as a volume": (
        _pod(volumes=[{"name": "s", "persistentVolumeClaim": {"claimName": "c"}}]),
        "volumes cannot",
    ),
    "a folder of the node": (_pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}]), "volumes cannot be set"),
    "a token as a volume": (
        _pod(volumes=[{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]),
        "volumes cannot be set",
    ),
    "a Secret as variables": (_container(envFrom=[{"secretRef": {"name": PAYROLL}}]), "envFrom cannot be set"),
    "a ConfigMap as variables": (_container(envFrom=[{"configMapRef": {"name": "c"}}]), "envFrom cannot be set"),
    "a Secret as a variable": (
        _container(env=[{"name": "P", "valueFrom": {"secretKeyRef": {"name": PAYROLL, "key": "password"}}}]),
        "env.valueFrom cannot be set",
    ),
    "a mount of the agent's": (_container(volumeMounts=[{"name": "lakefs-keys", "mountPath": "/x"}]), "volumeMounts"),
    "a container beside": (_pod(containers=[{"name": "side", "image": "x"}]), "only the container 'task'"),
    "a second container": (_pod(containers=[{"name": "task"}, {"name": "side", "image": "x"}]), "Too many: 2"),
    "a container before": (_pod(initContainers=[{"name": "before", "image": "x"}]), "initContainers cannot be set"),
    "an ephemeral container": (_pod(ephemeralContainers=[{"name": "e"}]), "ephemeralContainers cannot be set"),
    "the agent's command": (_pod(containers=[{"name": "agent", "command": ["sh"]}]), "only the container 'task'"),
    "the task's command": (_container(command=["sh"]), "command cannot be set"),
    "the task's image": (_container(image="x"), r"image cannot be set"),
    "a privileged task": (_container(securityContext={"privileged": True}), "securityContext cannot be set"),
    "a hook of the container": (_container(lifecycle={"preStop": {"exec": {"command": ["sh"]}}}), "lifecycle cannot"),
    "a port of the node": (_container(ports=[{"containerPort": 1, "hostPort": 1}]), "ports.hostPort cannot be set"),
    "a pod that runs as root": (_pod(securityContext={"runAsUser": 0}), "securityContext cannot be set"),
    "another account": (_pod(serviceAccountName="default"), "serviceAccountName cannot be set"),
    "the account by its old name": (_pod(serviceAccount="default"), "serviceAccount cannot be set"),
    "a token for everybody": (_pod(automountServiceAccountToken=True), "automountServiceAccountToken cannot be set"),
    "the node's network": (_pod(hostNetwork=True), "hostNetwork cannot be set"),
    "the node's processes": (_pod(hostPID=True), "hostPID cannot be set"),
    "the node's memory between processes": (_pod(hostIPC=True), "hostIPC cannot be set"),
    "the node's users": (_pod(hostUsers=True), "hostUsers cannot be set"),
    "processes in common": (_pod(shareProcessNamespace=True), "shareProcessNamespace cannot be set"),
    "lakeFS at its own address": (
        _pod(hostAliases=[{"ip": "127.0.0.1", "hostnames": ["lakefs"]}]),
        "hostAliases cannot be set",
    ),
    "names of its own": (_pod(dnsPolicy="None", dnsConfig={"nameservers": ["1.1.1.1"]}), "dns(Policy|Config) cannot"),
    "a name of its own": (_pod(hostname="lakefs", subdomain="perago"), "(hostname|subdomain) cannot be set"),
    "a node by its name": (_pod(nodeName="n"), "nodeName cannot be set"),
    "before everybody else": (_pod(priorityClassName="system-node-critical"), "priorityClassName cannot be set"),
    "another scheduler": (_pod(schedulerName="s"), "schedulerName cannot be set"),
    "keys of a registry": (_pod(imagePullSecrets=[{"name": PAYROLL}]), "imagePullSecrets cannot be set"),
    "an hour after the deadline": (_pod(terminationGracePeriodSeconds=3600), "terminationGracePeriodSeconds"),
    "a deadline of the pod": (_pod(activeDeadlineSeconds=1), "activeDeadlineSeconds cannot be set"),
    "a pod that starts again": (_pod(restartPolicy="Always"), "restartPolicy cannot be set"),
    "a weaker sandbox": (_pod(runtimeClassName="runc"), "runtimeClassName has a value that attempts may not set"),
    "a merge directive": (_pod(**{"$patch": "replace", "containers": [{"name": "evil"}]}), r"unknown field.*\$patch"),
    "a misspelt field": (_pod(hostNetwrok=True), 'unknown field "spec.podTemplate.spec.hostNetwrok"'),
    "a label of a Service": (_metadata(labels={"app": "bank"}), "labels has a key that attempts may not set"),
    "a label of Perago's": (
        _metadata(labels={"perago.dev/attempt": "x"}),
        "labels cannot have keys that begin with perago.dev/",
    ),
    "an annotation that confines": (
        _metadata(annotations={"container.apparmor.security.beta.kubernetes.io/task": "unconfined"}),
        "annotations has a key that attempts may not set",
    ),
    "another owner": (_metadata(ownerReferences=[{"kind": "X"}]), "ownerReferences"),
    "a finalizer of the pod": (_metadata(finalizers=["a/b"]), "finalizers"),
    "a pod elsewhere": (_metadata(namespace=SYSTEM), "namespace"),
}
"""Pod templates of an attempt → what the refusal says."""

SPECS: Mapping[str, tuple[Spec, str]] = {
    "somebody's Conductor task": ({"conductor": CONDUCTOR}, "can be set by Perago's operator alone"),
    "the input of a Conductor task": (
        {"conductor": CONDUCTOR, "inputFrom": "Conductor", "input": None},
        "can be set by Perago's operator alone",
    ),
    "more memory than allowed": ({"resources": {"limits": {"memory": "1025Mi"}}}, "at most 1Gi of memory"),
    "more memory in a request": ({"resources": {"requests": {"memory": 2**31}}}, "at most 1Gi of memory"),
    "more processors than allowed": ({"resources": {"limits": {"cpu": "3"}}}, "at most 2 of cpu"),
    "a larger volume than allowed": ({"volume": {"size": "3Gi"}}, "spec.volume.size may be at most 2Gi"),
    "a number that takes long": ({"volume": {"size": "1e999999"}}, "spec.volume.size"),
    "a number of many digits": ({"volume": {"size": "1" * 21}}, "spec.volume.size"),
    "a deadline in a million years": ({"activeDeadlineSeconds": 10**15}, "activeDeadlineSeconds"),
    "kept for a million years": ({"ttlSecondsAfterFinished": 10**15}, "ttlSecondsAfterFinished"),
    "failed pods for a million years": ({"keepFailedPodsSeconds": 10**15}, "keepFailedPodsSeconds"),
    "executions without end": ({"disruptionRetries": 10**6}, "disruptionRetries"),
    "a text in a number's place": ({"activeDeadlineSeconds": "soon"}, "activeDeadlineSeconds"),
    "an image of a megabyte": ({"task": {"module": "m", "image": "i" * (1 << 20)}}, "spec.task.image"),
    "no input": ({"input": None}, "exactly one of spec.input and spec.inputFrom"),
    "a field that there is not": ({"operator": True}, 'unknown field "spec.operator"'),
    "more than etcd holds": ({"input": {"params": {"x": "y" * (3 << 20)}}}, "too large"),
}
"""Specs of an attempt → what the refusal says."""


def _create(spec: Spec) -> Callable[[Stage], str]:
    made = attempt("tried", **{"task": IMAGE, "input": {"params": {}}, **spec})
    return lambda stage: stage.api.asked("POST", attempts(NAMESPACE), made, who=PERSON, dry=True)


def _person(method: str, path: str, body: Any = None, who: str = PERSON) -> Callable[[Stage], str]:
    return lambda stage: stage.api.asked(method, path, body, who=who, dry=method != "GET")


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
TOKEN = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
FORBIDDEN = "^403 .*(cannot|forbidden)"
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "up"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": PERSON}],
}
RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"

REQUESTS: Mapping[str, tuple[Callable[[Stage], str], str]] = {
    "read a Secret": (_person("GET", core(NAMESPACE, "secrets", "perago-lakefs")), FORBIDDEN),
    "create a pod": (_person("POST", core(NAMESPACE, "pods"), POD), FORBIDDEN),
    "open a shell in an agent": (_person("POST", core(NAMESPACE, "pods", "steady-1", "exec")), FORBIDDEN),
    "a token of the agents' account": (
        _person("POST", core(NAMESPACE, "serviceaccounts", "perago-runner", "token"), TOKEN),
        FORBIDDEN,
    ),
    "a right of its own making": (_person("POST", RBAC, BINDING), FORBIDDEN),
    "away with a policy": (_person("DELETE", f"{POLICIES}/{SYSTEM}.{NAMESPACE}-perago-attempts"), FORBIDDEN),
    "a PeragoTask of a person's": (_person("POST", tasks(NAMESPACE), task("t", **IMAGE)), FORBIDDEN),
    "an attempt elsewhere": (_person("POST", attempts(OTHER), attempt("x", task=IMAGE, input={})), FORBIDDEN),
    "a status of an attempt": (
        _person("PATCH", attempts(NAMESPACE, "steady", "status"), {"status": {"phase": "Succeeded"}}),
        FORBIDDEN,
    ),
    "another input of an attempt": (
        _person("PATCH", attempts(NAMESPACE, "steady"), {"spec": {"input": {"params": {"x": 1}}}}),
        "^422 .*spec.input cannot be changed",
    ),
    "another image of an attempt": (
        _person("PATCH", attempts(NAMESPACE, "steady"), {"spec": {"task": {"image": "evil"}}}),
        "^422 .*spec.task cannot be changed",
    ),
    "a task of Conductor afterwards": (
        _person("PATCH", attempts(NAMESPACE, "steady"), {"spec": {"conductor": CONDUCTOR}}),
        "^422 .*spec.conductor cannot be changed",
    ),
    "a template afterwards": (
        _person(
            "PATCH", attempts(NAMESPACE, "steady"), {"spec": {"podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}}}
        ),
        "^422 .*spec.podTemplate cannot be changed",
    ),
    "a name that is no pod's": (
        _person("POST", attempts(NAMESPACE), attempt("a.b", task=IMAGE, input={"params": {}})),
        "^422 .*metadata.name must be",
    ),
}
"""Other requests of the person → what comes of them."""


def _administrator(path: str, status: Spec) -> Callable[[Stage], str]:
    return lambda stage: stage.api.asked("PATCH", path, {"status": status}, dry=True)


AUTHORS: Mapping[str, tuple[Callable[[Stage], str], str]] = {
    "author: the status of a PeragoTask": (
        _person("PATCH", tasks(NAMESPACE, "served", "status"), {"status": {"active": 0}}, AUTHOR),
        FORBIDDEN,
    ),
    "author: the status of an attempt": (
        _person("PATCH", attempts(NAMESPACE, "steady", "status"), {"status": {"phase": "Failed"}}, AUTHOR),
        FORBIDDEN,
    ),
    "author: a PeragoTask elsewhere": (_person("POST", tasks(BARE.namespace), task("t", **IMAGE), AUTHOR), FORBIDDEN),
    "author: a Secret": (_person("GET", core(NAMESPACE, "secrets", PAYROLL), who=AUTHOR), FORBIDDEN),
    "author: somebody's Conductor task": (
        _person("POST", attempts(NAMESPACE), attempt("x", task=IMAGE, input={}, conductor=CONDUCTOR), AUTHOR),
        "can be set by Perago's operator alone",
    ),
    "administrator: the status of a PeragoTask": (
        _administrator(tasks(NAMESPACE, "served", "status"), {"active": 0}),
        "written by Perago's operator alone",
    ),
    "administrator: the status of an attempt": (
        _administrator(attempts(NAMESPACE, "steady", "status"), {"phase": "Succeeded"}),
        "written by Perago's operator and by the attempt's own agent alone",
    ),
}
"""Requests of an author, and of an administrator → what comes of them."""

DECLARATIONS: Mapping[str, tuple[Spec, str]] = {
    "author: the node's processes": (_pod(hostPID=True), "hostPID cannot be set"),
    "author: the agent's names": (_pod(dnsPolicy="None"), "dnsPolicy cannot be set"),
    "author: the agent's hosts": (_pod(hostAliases=[{"ip": "127.0.0.1"}]), "hostAliases cannot be set"),
    "author: another account": (_pod(serviceAccountName="default"), "serviceAccountName cannot be set"),
    "author: a token for everybody": (_pod(automountServiceAccountToken=True), "automountServiceAccountToken cannot"),
    "author: processes in common": (_pod(shareProcessNamespace=True), "shareProcessNamespace cannot be set"),
    "author: a privileged task": (_container(securityContext={"privileged": True}), "securityContext cannot be set"),
    "author: the agent's command": (_pod(containers=[{"name": "agent", "command": ["sh"]}]), "only resources"),
    "author: the agent's image": (_pod(containers=[{"name": "agent", "image": "x"}]), "only resources"),
    "author: the agent's variables": (
        _pod(containers=[{"name": "agent", "env": [{"name": "PYTHONPATH", "value": "/x"}]}]),
        "only resources",
    ),
    "author: a container that is misspelt": (_pod(containers=[{"name": "side", "imag": "x"}]), 'unknown field.*imag"'),
}
"""PeragoTasks → what the refusal says."""


def _declare(spec: Spec) -> Callable[[Stage], str]:
    made = task("tried", **{**IMAGE, **spec})
    return lambda stage: stage.api.asked("POST", tasks(NAMESPACE), made, who=AUTHOR, dry=True)


ASKED: Mapping[str, tuple[Callable[[Stage], str], str]] = {
    **{name: (_create(spec), f"{REFUSED}{words}") for name, (spec, words) in {**TEMPLATES, **SPECS}.items()},
    **REQUESTS,
}
DECLARED = {
    **AUTHORS,
    **{name: (_declare(spec), f"{REFUSED}{words}") for name, (spec, words) in DECLARATIONS.items()},
}
CASES: tuple[Case, ...] = (
    *of(Attacker.PERSON, {name: want for name, (_, want) in ASKED.items()}),
    *of(Attacker.AUTHOR, {name: want for name, (_, want) in DECLARED.items()}),
)


def steady(stage: Stage) -> list[Spec]:
    """An attempt and a PeragoTask that some of the requests are about."""
    return [stage.attempt("steady", "waits"), task("served", module="m", image="i")]


def _begin(stage: Stage) -> Callable[[], Seen]:
    stage.make(*steady(stage))
    return lambda: {name: ask(stage) for name, (ask, _) in {**ASKED, **DECLARED}.items()}


PEOPLE = Scene("people", CASES, _begin)
