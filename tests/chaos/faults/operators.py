"""Operators that are killed and upgraded, and pods of attempts that somebody deletes."""

import random
import time

from perago_dev.errors import CommandFailed
from tests.chaos.stage import OPERATOR, Stage

MOMENTS = ("", "Downloading", "Executing", "Staging", "Publishing")
"""Steps at which a pod is deleted; the first one is the time before any."""
ATTEMPTS = "peragoattempts"


def kill_leaders(every: float, stage: Stage, choice: int) -> None:
    """Three times the process that leads is killed, with no chance to tidy up, and its pod goes."""
    for number in range(3):
        if number:
            time.sleep(every)
        stage.patiently(lambda: kill_leader(stage), "killing the leader", 30)


def kill_leader(stage: Stage) -> None:
    """SIGKILL on its node; then the pod's object goes, so that the next one need not wait for a back-off.

    Raises CommandFailed while nobody leads, and while the process that did has gone by itself.
    """
    name = stage.leader()
    if not name:
        raise CommandFailed("nobody leads")
    pod = stage.pod(name)
    running = [one for one in pod["status"].get("containerStatuses", []) if "running" in one["state"]]
    if not running:
        raise CommandFailed(f"the container of {name} does not run")
    container = running[0]["containerID"].removeprefix("containerd://")
    stage.on_node(pod["spec"]["nodeName"], f"ctr -n k8s.io tasks kill -s SIGKILL {container}")
    stage.journal(f"  killed {name}")
    stage.ask("delete", "pod", name, "--force", "--grace-period=0", "--wait=false")


def upgrade(stage: Stage, choice: int) -> None:
    """A new revision of the Deployment, as an upgrade makes it."""
    stage.ask("rollout", "restart", f"deployment/{OPERATOR}")


def delete_pods(seconds: float, stage: Stage, choice: int) -> None:
    """Pods are deleted by force, at one step after the other, and at any moment where a step is too short to see."""
    chance, end = random.Random(choice), time.monotonic() + seconds
    wanted = list(MOMENTS)
    while time.monotonic() < end:
        try:
            attempts = [one for one in stage.json("get", ATTEMPTS)["items"] if _has_a_pod(one)]
            step = wanted[0] if wanted else None
            victims = [one for one in attempts if step is None or one["status"].get("step", "") == step]
            if not victims and chance.random() < 0.5:
                victims, step = attempts, None
            if victims:
                _delete_pod(stage, chance.choice(victims))
                wanted = wanted[1:] if step is not None else wanted
        except CommandFailed as failed:
            stage.journal(f"  pods: {str(failed).splitlines()[-1][:150]}")
        time.sleep(chance.uniform(0.2, 1.5))


def _has_a_pod(attempt: dict[str, dict[str, object]]) -> bool:
    status = attempt.get("status", {})
    return bool(status.get("podName")) and "outcome" not in status


def _delete_pod(stage: Stage, attempt: dict[str, dict[str, object]]) -> None:
    status = attempt["status"]
    stage.journal(f"  deleted pod {status['podName']} at {status.get('phase')}/{status.get('step', '')}")
    stage.ask("delete", "pod", str(status["podName"]), "--force", "--grace-period=0", "--wait=false")
