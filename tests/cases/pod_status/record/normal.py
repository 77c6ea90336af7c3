"""Cuts a pod down to what diagnosis may read, and takes out of it what differs between two recordings. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from perago.wire.times import timestamp

Object = dict[str, Any]

EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
"""When every recorded pod was created."""
METADATA = ("name", "namespace", "deletionGracePeriodSeconds")
TIMES = ("creationTimestamp", "deletionTimestamp")
SPEC = ("activeDeadlineSeconds", "nodeName", "schedulerName", "schedulingGates", "terminationGracePeriodSeconds")
CONTAINER = ("name", "image", "resources", "restartPolicy")
STATUS = ("phase", "reason", "message", "nominatedNodeName")
CONTAINER_STATUS = ("name", "image", "ready", "restartCount", "started")
CONDITION = ("type", "status", "reason", "message")
STATE_TIMES = ("startedAt", "finishedAt")

UNIQUE: Sequence[tuple[str, str]] = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "00000000-0000-0000-0000-000000000000"),
    (r"\b[0-9a-f]{64}\b", "f" * 64),
    (r"\b(10|172|192)(\.\d{1,3}){3}\b", "192.0.2.1"),
    (r":\d{4,5}(?=->)", ":40000"),
    (r"(?<!\d)20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\b", "2026-01-01 00:00:00.000"),
    (r"(?<=projected/kube-api-access-)[a-z0-9]{5}", "xxxxx"),
)
"""What is different in each recording, and what stands for it."""


def normal(pod: Object, names: Mapping[str, str]) -> Any:
    """The pod as it stands in a recording; `names` are those of this cluster, with the words that stand for them."""
    shift = EPOCH - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    return _mapped(_cut(pod, shift), lambda text: without_unique(text, names))


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The JSON value with each of its texts changed."""
    match value:
        case str():
            return change(value)
        case list():
            return [_mapped(element, change) for element in value]
        case dict():
            return {name: _mapped(element, change) for name, element in value.items()}
        case _:
            return value


def without_unique(text: str, names: Mapping[str, str]) -> str:
    """The text without names of this cluster, addresses and ids."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    for pattern, word in UNIQUE:
        text = re.sub(pattern, word, text)
    return text


def changes(pods: Sequence[Object]) -> Iterator[Object]:
    """The pods without those that show what the one before showed."""
    last: Object | None = None
    for pod in pods:
        if pod != last:
            yield pod
        last = pod


def _cut(pod: Object, shift: timedelta) -> Object:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    return {
        "metadata": {**_some(metadata, METADATA), **_moved(metadata, TIMES, shift)},
        "spec": {**_some(spec, SPEC), **_listed(spec, ("initContainers", "containers"), CONTAINER)},
        "status": {
            **_some(status, STATUS),
            **_moved(status, ("startTime",), shift),
            "conditions": [_condition(entry, shift) for entry in status.get("conditions", ())],
            **{
                kind: [_container(entry, shift) for entry in status[kind]]
                for kind in ("initContainerStatuses", "containerStatuses")
                if kind in status
            },
        },
    }


def _condition(condition: Object, shift: timedelta) -> Object:
    """Its time matters only where the control plane may have changed it."""
    times = ("lastTransitionTime",) if condition["type"] == "Ready" else ()
    return {**_some(condition, CONDITION), **_moved(condition, times, shift)}


def _container(status: Object, shift: timedelta) -> Object:
    last = {"lastState": _state(status["lastState"], shift)} if status.get("lastState") else {}
    return {**_some(status, CONTAINER_STATUS), "state": _state(status["state"], shift), **last}


def _state(state: Object, shift: timedelta) -> Object:
    return {
        kind: {
            **{key: value for key, value in told.items() if key not in (*STATE_TIMES, "containerID")},
            **_moved(told, STATE_TIMES, shift),
        }
        for kind, told in state.items()
    }


def _listed(spec: Object, kinds: Sequence[str], fields: Sequence[str]) -> Object:
    return {kind: [_some(entry, fields) for entry in spec[kind]] for kind in kinds if kind in spec}


def _some(obj: Object, fields: Sequence[str]) -> Object:
    return {name: obj[name] for name in fields if name in obj}


def _moved(obj: Object, fields: Sequence[str], shift: timedelta) -> Object:
    """Those times, as if the pod had been created at `EPOCH`."""
    times = {name: obj[name] for name in fields if obj.get(name)}
    return {name: timestamp(datetime.fromisoformat(time) + shift) for name, time in times.items()}
