"""Takes one defence away from the operator, or from an agent, by the name in `DEFUSED`: Python imports it at its start.

The operator mounts it for a variant of `tests.hostile.defences`, and hands it to the agents of the pods that it makes.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

Manifest = dict[str, Any]
FOLDER = "/defused"
VOLUME = "defused"


def _replace(module: str, **replaced: object) -> None:
    found = importlib.import_module(module)
    for name, value in replaced.items():
        assert hasattr(found, name), f"{module} has no {name}"
        setattr(found, name, value)


def _pods(change: Callable[[Manifest], None]) -> None:
    """Change each pod right before it is created."""
    from perago_operator.adapters.kube import KubeCluster

    create = KubeCluster.create_pod

    async def changed(self: KubeCluster, namespace: str, manifest: Manifest) -> None:
        change(manifest["spec"])
        await create(self, namespace, manifest)

    KubeCluster.create_pod = changed  # type: ignore[method-assign]


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
    _containers(spec)["task"]["securityContext"] |= {"runAsNonRoot": False, "runAsUser": 0}


def _endless_volumes(spec: Manifest) -> None:
    for volume in spec["volumes"]:
        volume.get("emptyDir", {}).pop("sizeLimit", None)


def _agents(spec: Manifest) -> None:
    """Hand this file on to the agent."""
    spec["volumes"].append({"name": VOLUME, "configMap": {"name": VOLUME}})
    agent = _containers(spec)["agent"]
    agent["volumeMounts"].append({"name": VOLUME, "mountPath": FOLDER, "readOnly": True})
    agent["env"] += [{"name": "PYTHONPATH", "value": FOLDER}, {"name": "DEFUSED", "value": os.environ["DEFUSED"]}]


def _templates() -> None:
    def nothing(*_: object) -> None:
        return None

    names = ("field_problem", "merged_problem", "structure_problem", "cache_problem", "template_problem")
    _replace("perago_operator.core.pod.declaration", **dict.fromkeys(names, nothing))


def _claims() -> None:
    _replace("perago_operator.reconcile.gather", false_claim=lambda *_: None)


def _staging() -> None:
    for module in ("core.situation", "core.siblings", "watch.stores"):
        _replace(f"perago_operator.{module}", own_staging=lambda attempt: attempt.status.staging)


def _connections() -> None:
    _replace("perago.agent.server", close=lambda listener: None)


def _tracing() -> None:
    _replace("perago.agent.untraceable", refuse_tracing=lambda: None)


def _order() -> None:
    from perago.agent.sequence import TABLE

    _replace("perago.agent.session", advance=lambda state, event: TABLE.get((state, event), state))


def _outcomes() -> None:
    _replace("perago.agent.outcome", reason_word=lambda reason: reason)


OPERATOR: dict[str, Callable[[], None]] = {
    "read-only root": lambda: _pods(_task_may(readOnlyRootFilesystem=False)),
    "capabilities": lambda: _pods(_task_may(capabilities={}, allowPrivilegeEscalation=True)),
    "system calls": lambda: _pods(_no_filter),
    "user": lambda: _pods(_root),
    "token": lambda: _pods(_token_for_all),
    "keys": lambda: _pods(_keys_for_all),
    "processes": lambda: _pods(_processes_in_common),
    "sizes of volumes": lambda: _pods(_endless_volumes),
    "templates": _templates,
    "claims": _claims,
    "staging": _staging,
}
AGENT: dict[str, Callable[[], None]] = {
    "one connection": _connections,
    "untraceable": _tracing,
    "order of calls": _order,
    "words of outcomes": _outcomes,
}


def _begin(name: str) -> None:
    is_operator = importlib.util.find_spec("perago_operator") is not None
    if name in OPERATOR:
        OPERATOR[name]()
    elif is_operator:
        _pods(_agents)
    else:
        AGENT[name]()


if name := os.environ.get("DEFUSED"):
    _begin(name)
