"""The operator's clock, which libfaketime sets: Debian's library, preloaded into the operators of this release."""

from tests.chaos.stage import NAMESPACE, REQUEST, Stage

OFFSETS = ("+3600", "-90", "+90", "-240", "+86400")
"""Seconds. Not further back: the API server's certificate would not be valid yet."""
FILE = "/tmp/clock"


def step(stage: Stage, choice: int) -> None:
    """The time of day of all operators jumps; what they start with later is the right time again."""
    _set(stage, OFFSETS[choice % len(OFFSETS)])


def back(stage: Stage, choice: int) -> None:
    """It jumps back."""
    _set(stage, "+0")


def _set(stage: Stage, offset: str) -> None:
    pods = stage.json("get", "pods", "-l", f"app.kubernetes.io/instance={NAMESPACE}")["items"]
    for pod in (pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Running"):
        stage.cluster(REQUEST, "exec", pod, "--", "sh", "-c", f"echo {offset} > {FILE}")
        stage.journal(f"  clock of {pod}: {offset} s")
