"""What containers that a pod template adds do to their pod: init containers, sidecars, helpers."""

from tests.cases.pod_status.record.situation import (
    Object,
    Situation,
    both,
    both_run,
    ended,
    failed,
    restarted,
    running,
    succeeded,
    waits,
)

RUNNER = "RUNNER"
"""Stands for the runner's image, which every node has."""


def container(name: str, code: str = "pass", **fields: object) -> Object:
    """A container that does something in Python."""
    return {"name": name, "image": RUNNER, "command": ["python", "-c", code], **fields}


def init(code: str = "pass", **fields: object) -> Object:
    """A template with one init container, `fetch`."""
    return {"initContainers": [container("fetch", code, **fields)]}


def sidecar(code: str, **fields: object) -> Object:
    """A template with one native sidecar, `proxy`."""
    return {"initContainers": [container("proxy", code, restartPolicy="Always", **fields)]}


def helper(code: str, **fields: object) -> Object:
    """A template with one more ordinary container, `helper`."""
    return {"containers": [container("helper", code, **fields)]}


ENDLESS = "import time; time.sleep(3600)"
EATS = "pages = [bytearray(b'x') * (16 << 20) for _ in range(64)]"
SMALL = {"limits": {"memory": "64Mi"}}
PROBE = {"exec": {"command": ["python", "-c", "raise SystemExit(1)"]}, "periodSeconds": 1}

SITUATIONS = (
    Situation("init_runs", "An init container is at work.", running("fetch"), template=init(ENDLESS)),
    Situation(
        "init_failed",
        "An init container ended with exit code 4.",
        failed,
        template=init("raise SystemExit(4)"),
        sequence=True,
    ),
    Situation(
        "init_oom_killed", "An init container went over its memory limit.", failed, template=init(EATS, resources=SMALL)
    ),
    Situation(
        "init_cannot_start", "An init container's command does not exist.", failed, template=init(command=["none"])
    ),
    Situation(
        "init_image_unknown",
        "An init container's image cannot be pulled.",
        waits("fetch", "ImagePullBackOff"),
        template=init(image="registry.invalid/fetch:1"),
    ),
    Situation(
        "init_image_invalid",
        "The name of an init container's image is not valid.",
        waits("fetch", "InvalidImageName"),
        template=init(image="Fetch:1:2"),
    ),
    Situation(
        "init_secret_missing",
        "An init container wants a Secret that does not exist.",
        waits("fetch", "CreateContainerConfigError"),
        template=init(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a"}}}]),
    ),
    Situation("sidecar_runs", "A native sidecar runs beside agent and task.", both_run, template=sidecar(ENDLESS)),
    Situation(
        "sidecar_and_completed",
        "A native sidecar ran beside agent and task, which are done.",
        succeeded,
        code="pass",
        template={**sidecar("import signal; signal.signal(15, lambda *_: exit()); signal.pause()")},
    ),
    Situation(
        "sidecar_crashes",
        "A native sidecar ends again and again; agent and task run.",
        both(restarted("proxy"), both_run),
        template=sidecar("import time; time.sleep(3); raise SystemExit(1)"),
    ),
    Situation(
        "sidecar_never_ready",
        "A native sidecar crashes before its startup probe succeeds, so that agent and task never start.",
        restarted("proxy"),
        template=sidecar("raise SystemExit(1)", startupProbe=PROBE),
    ),
    Situation(
        "sidecar_image_unknown",
        "A native sidecar's image cannot be pulled, so that agent and task never start.",
        waits("proxy", "ImagePullBackOff"),
        template=sidecar(ENDLESS, image="registry.invalid/proxy:1"),
    ),
    Situation(
        "helper_failed",
        "A helper ended with exit code 3; agent and task run.",
        both(ended("helper"), both_run),
        template=helper("raise SystemExit(3)"),
    ),
    Situation(
        "helper_oom_killed",
        "A helper went over its memory limit; agent and task run.",
        both(ended("helper"), both_run),
        template=helper(EATS, resources=SMALL),
    ),
    Situation(
        "helper_image_unknown",
        "A helper's image cannot be pulled; agent and task run.",
        both(waits("helper", "ImagePullBackOff"), both_run),
        template=helper(ENDLESS, image="registry.invalid/helper:1"),
    ),
    Situation(
        "helper_as_root",
        "A helper wants to run as root, which its pod forbids; agent and task run.",
        both(waits("helper", "CreateContainerConfigError"), both_run),
        template=helper(ENDLESS, securityContext={"runAsUser": 0}),
    ),
    Situation(
        "helper_seccomp_missing",
        "A helper names a seccomp profile that the node does not have; agent and task run.",
        both(waits("helper", "CreateContainerError"), both_run),
        template=helper(
            ENDLESS, securityContext={"seccompProfile": {"type": "Localhost", "localhostProfile": "none.json"}}
        ),
    ),
    Situation(
        "helper_outlives_the_task",
        "The task's process ended without a result, and a helper goes on, so that the pod does not end.",
        both(ended("agent", "task"), running("helper")),
        code="import os; os._exit(3)",
        template=helper(ENDLESS),
    ),
)
