"""Servers that restart, and connections to them that go badly."""

import time

from perago_dev.servers import workloads
from tests.chaos.stage import REQUEST, Stage

ETCD_PORT = 2379
TABLE = "perago_chaos"


def relayed(server: str, mode: str, stage: Stage, choice: int) -> None:
    """The connections of operator and agents to a server go like this; those of the operator to the API server."""
    for route in list(stage.routes[server]):
        stage.relay(route, mode)


def restart_pod(server: str, stage: Stage, choice: int) -> None:
    """The server's pod is deleted, and its Deployment makes another."""
    stage.cluster(REQUEST, "-n", workloads.NAMESPACE, "delete", "pods", "-l", f"app={server}", "--wait=false")


def kill_process(program: str, stage: Stage, choice: int) -> None:
    """The kubelet starts it again."""
    stage.on_node(stage.control_plane, f"kill -9 $(pidof {program})")


def stop_etcd(stage: Stage, choice: int) -> None:
    """It is there and does nothing."""
    stage.on_node(stage.control_plane, "kill -STOP $(pidof etcd)")


def go_on_etcd(stage: Stage, choice: int) -> None:
    """It goes on; a kubelet that has restarted it meanwhile did the same."""
    stage.on_node(stage.control_plane, "kill -CONT $(pidof etcd)")


def slow_etcd(seconds: float, stage: Stage, choice: int) -> None:
    """It works for a fifth of the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stop_etcd(stage, choice)
        time.sleep(0.8)
        go_on_etcd(stage, choice)
        time.sleep(0.2)


def cut_etcd(stage: Stage, choice: int) -> None:
    """The API server's connections to it are refused, those that are open too."""
    rule = f"type filter hook output priority 0; tcp dport {ETCD_PORT} reject with tcp reset"
    rules = f"table inet {TABLE} {{\nchain out {{\n{rule}\n}}\n}}"
    stage.on_node(stage.control_plane, f"echo '{rules}' | nft -f -")


def connect_etcd(stage: Stage, choice: int) -> None:
    """It can be reached again."""
    stage.on_node(stage.control_plane, f"nft delete table inet {TABLE} 2>/dev/null || true")
