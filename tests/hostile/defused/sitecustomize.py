"""Takes defences away from an operator, from the pods that it makes, or from their agents: Python imports it itself.

In the operator, `DEFUSED` says in JSON which defence each namespace lacks; in an agent, it is the name of one.
"""

import ctypes
import importlib
import importlib.util
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Manifest = dict[str, Any]
FOLDER = "/defused"
VOLUME = "defused"


def _replace(module: str, **replaced: object) -> None:
    found = importlib.import_module(module)
    for name, value in replaced.items():
        assert hasattr(found, name), f"{module} has no {name}"
        setattr(found, name, value)


# --- pods


def _containers(spec: Manifest) -> dict[str, Manifest]:
    return {container["name"]: container for container in spec["containers"]}


def _task_may(**context: object) -> Callable[[Manifest], None]:
    return lambda spec: _containers(spec)["task"]["securityContext"].update(context)


def _no_filter(spec: Manifest) -> None:
    spec["securityContext"]["seccompProfile"] = {"type": "Unconfined"}


def _token_for_all(spec: Manifest) -> None:
    spec["automountServiceAccountToken"] = True


def _keys_for_all(spec: Manifest) -> None:
    mounts = _containers(spec)["agent"]["volumeMounts"]
    given = [mount for mount in mounts if mount["mountPath"].startswith("/etc/perago")]
    _containers(spec)["task"]["volumeMounts"] += given


def _processes_in_common(spec: Manifest) -> None:
    spec["shareProcessNamespace"] = True


def _root(spec: Manifest) -> None:
    """The socket is the agent's user's alone: without this capability, root could not even connect."""
    able = {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]}
    context = _containers(spec)["task"]["securityContext"]
    context |= {"runAsNonRoot": False, "runAsUser": 0, "capabilities": able}


def _endless_volumes(spec: Manifest) -> None:
    for volume in spec["volumes"]:
        volume.get("emptyDir", {}).pop("sizeLimit", None)


def _handed_on(spec: Manifest, name: str) -> None:
    """Give the agent this file, and the name."""
    spec["volumes"].append({"name": VOLUME, "configMap": {"name": VOLUME}})
    agent = _containers(spec)["agent"]
    agent["volumeMounts"].append({"name": VOLUME, "mountPath": FOLDER, "readOnly": True})
    agent["env"] += [{"name": "PYTHONPATH", "value": FOLDER}, {"name": "DEFUSED", "value": name}]


PODS: dict[str, Callable[[Manifest], None]] = {
    "read-only root": _task_may(readOnlyRootFilesystem=False),
    "capabilities": _task_may(capabilities={}, allowPrivilegeEscalation=True),
    "system calls": _no_filter,
    "user": _root,
    "token": _token_for_all,
    "keys": _keys_for_all,
    "processes": _processes_in_common,
    "sizes of volumes": _endless_volumes,
    "untraceable": _processes_in_common,
}


def _changed(spec: Manifest, name: str) -> None:
    """What a pod of a namespace that lacks this becomes, right before it is created."""
    if name in PODS:
        PODS[name](spec)
    if name in AGENT:
        _handed_on(spec, name)


def _create_changed(lacks: Mapping[str, str]) -> None:
    from perago_operator.adapters.kube import KubeCluster

    create = KubeCluster.create_pod

    async def changed(self: KubeCluster, namespace: str, manifest: Manifest) -> None:
        _changed(manifest["spec"], lacks.get(namespace, ""))
        await create(self, namespace, manifest)

    KubeCluster.create_pod = changed  # type: ignore[method-assign]


# --- the operator


def _templates(_: str) -> None:
    """In all namespaces: these checks do not know theirs."""
    names = ("field_problem", "merged_problem", "structure_problem", "cache_problem", "template_problem")
    _replace("perago_operator.core.pod.declaration", **dict.fromkeys(names, lambda *_: None))


def _claims(namespace: str) -> None:
    from perago_operator.core.claims import false_claim

    def believed(attempt: Any, *known: Any) -> str | None:
        return None if attempt.metadata.namespace == namespace else false_claim(attempt, *known)

    _replace("perago_operator.reconcile.gather", false_claim=believed)


def _staging(namespace: str) -> None:
    from perago_operator.core.staging import own_staging

    def believed(attempt: Any) -> Any:
        return attempt.status.staging if attempt.metadata.namespace == namespace else own_staging(attempt)

    for module in ("core.situation", "core.siblings", "watch.stores"):
        _replace(f"perago_operator.{module}", own_staging=believed)


OPERATOR: dict[str, Callable[[str], None]] = {"templates": _templates, "claims": _claims, "staging": _staging}
"""Defence → what takes it away in a namespace."""


# --- the agents


def _connections() -> None:
    _replace("perago.agent.server", close=lambda listener: None)


def _tracing() -> None:
    """The pod's processes are in common as well: otherwise the agent has no number there."""
    _replace("perago.wire.untraceable", refuse_tracing=lambda: None)


def _peers() -> None:
    """Otherwise the agent turns a task of another user away, and nothing is seen of what root may."""
    _replace("perago.agent.server", peer_of=lambda connection: (0, os.getuid(), os.getgid()))


def _order() -> None:
    from perago.agent.sequence import TABLE

    _replace("perago.agent.session", advance=lambda state, event: TABLE.get((state, event), state))


def _outcomes() -> None:
    _replace("perago.agent.outcome", reason_word=lambda reason: reason)


def _limits() -> None:
    from perago import wire

    _replace("perago.wire", decode_call=wire.decode_frame)


def _links() -> None:
    from perago.agent.data.volume import _FOLDER, _READ

    _replace("perago.agent.data.volume", _FOLDER=_FOLDER & ~os.O_NOFOLLOW, _READ=_READ & ~os.O_NOFOLLOW)


def _names() -> None:
    _replace("perago.workspace.paths", _unsafe=lambda path: None)


def _crash_on_request() -> None:
    """A fault is the only end of a container's first process that could be dumped."""
    signal.signal(signal.SIGUSR1, lambda *_: ctypes.string_at(0))


AGENT: dict[str, Callable[[], None]] = {
    "crashes": _crash_on_request,
    "one connection": _connections,
    "untraceable": _tracing,
    "user": _peers,
    "order of calls": _order,
    "limits of calls": _limits,
    "links": _links,
    "names": _names,
    "words of outcomes": _outcomes,
}


def _begin(given: str) -> None:
    if importlib.util.find_spec("perago_operator") is None:
        AGENT[given]()
        return
    lacks: Mapping[str, str] = json.loads(given)
    for namespace, name in lacks.items():
        if name in OPERATOR:
            OPERATOR[name](namespace)
    _create_changed(lacks)
    _crash_on_request()


if given := os.environ.get("DEFUSED"):
    try:
        _begin(given)
    except BaseException:  # noqa: BLE001 - Python itself would go on, with all defences
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)
