"""The faults, as a table: what each is called, what it hits, how long it lasts, how it starts and how it stops.

`start` and `stop` get the stage and the number by which the plan chooses a victim. A fault that only happens, and is
not undone, has no `stop`. `stop` may be called again: it is, until it succeeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.chaos.faults import clocks, nodes, operators, secrets, servers
from tests.chaos.plan import Kind
from tests.chaos.stage import Stage

Action = Callable[[Stage, int], object]


def nothing(stage: Stage, choice: int) -> None:
    """It is over by itself."""


@dataclass(frozen=True)
class Fault:
    """One row."""

    kind: Kind
    start: Action
    stop: Action = nothing


def _row(hits: str, seconds: float, start: Action, stop: Action = nothing) -> Fault:
    return Fault(Kind(seconds, hits), start, stop)


def _relayed(server: str, mode: str, seconds: float) -> Fault:
    return _row(server, seconds, partial(servers.relayed, server, mode), partial(servers.relayed, server, "pass"))


TABLE: Mapping[str, Fault] = {
    "leader killed every 20 s": _row("operator", 60, partial(operators.kill_leaders, 20.0)),
    "operator upgraded": _row("operator", 30, operators.upgrade),
    "clock set": _row("operator", 40, clocks.step, clocks.back),
    "conductor restarted": _row("conductor", 20, partial(servers.restart_pod, "conductor")),
    "conductor cut off": _relayed("conductor", "cut", 20),
    "conductor hangs": _relayed("conductor", "hang", 25),
    "conductor mute": _relayed("conductor", "mute", 20),
    "conductor slow": _relayed("conductor", "slow", 30),
    "lakefs restarted": _row("lakefs", 10, partial(servers.restart_pod, "lakefs")),
    "lakefs cut off": _relayed("lakefs", "cut", 20),
    "lakefs hangs": _relayed("lakefs", "hang", 25),
    "lakefs mute": _relayed("lakefs", "mute", 20),
    "lakefs slow": _relayed("lakefs", "slow", 30),
    "apiserver restarted": _row("apiserver", 20, partial(servers.kill_process, "kube-apiserver")),
    "apiserver cut off": _relayed("apiserver", "cut", 25),
    "apiserver hangs": _relayed("apiserver", "hang", 25),
    "apiserver mute": _relayed("apiserver", "mute", 20),
    "apiserver slow": _relayed("apiserver", "slow", 30),
    "etcd restarted": _row("apiserver", 20, partial(servers.kill_process, "etcd")),
    "etcd hangs": _row("apiserver", 8, servers.stop_etcd, servers.go_on_etcd),
    "etcd slow": _row("apiserver", 20, partial(servers.slow_etcd, 20.0), servers.go_on_etcd),
    "etcd cut off": _row("apiserver", 10, servers.cut_etcd, servers.connect_etcd),
    "node drained": _row("nodes", 30, nodes.drain, nodes.uncordon),
    "node killed": _row("nodes", 75, nodes.kill, nodes.give_back),
    "kubelet stopped": _row("nodes", 30, nodes.stop_kubelet, nodes.start_kubelet),
    "pods deleted by force": _row("pods", 40, partial(operators.delete_pods, 40.0)),
    "secrets rotated": _row("secrets", 100, secrets.rotate, secrets.retire),
}
