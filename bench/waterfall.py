"""One attempt's life as a waterfall: its steps, what each of them waits for, and medians over many lives, as a table.

Pure: it reads what logs, the container runtime and watches have said, and asks nobody.
"""

import json
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Stamps = dict[str, float]
"""Seconds since the epoch, by the key of a step; a step that did not happen, or was not seen, is missing."""


@dataclass(frozen=True, slots=True)
class Step:
    """A moment in a life: what has happened, and the latest of which moments it came after."""

    key: str
    words: str
    after: tuple[str, ...] = ()


STEPS = (
    Step("created", "the object is sent to the API server"),
    Step("seen", "the operator's watch has shown it", ("created",)),
    Step("pod", "its pod is in the API server", ("seen", "created")),
    Step("scheduled", "the pod has a node", ("pod",)),
    Step("sandbox", "the kubelet asks for a sandbox, with volumes mounted", ("scheduled",)),
    Step("first_created", "the sandbox has a network, and the first container is made", ("sandbox",)),
    Step("first_started", "the first container runs: the agent, or the only one", ("first_created",)),
    Step("second_started", "the second container runs: the task", ("first_started",)),
    Step("serves", "the agent has imported its code and serves", ("first_started",)),
    Step("hello", "the task has started Python and says hello", ("second_started", "serves")),
    Step("download", "it has imported the task's module and asks for the workspace", ("hello",)),
    Step("downloaded", "the workspace is there", ("download",)),
    Step("body", "the body begins", ("downloaded", "first_started")),
    Step("body_ended", "the body has ended", ("body",)),
    Step("stage", "changes are found, the fence has agreed, and staging begins", ("body_ended",)),
    Step("staged", "the changes are a commit of the staging branch", ("stage",)),
    Step("publish", "the fence has agreed once more", ("staged",)),
    Step("turn", "the operator has granted the turn", ("publish",)),
    Step("published", "the target branch has the commit", ("turn",)),
    Step("result", "the staging branch is deleted, and the task reports its result", ("published",)),
    Step("recorded", "the outcome is in the attempt's status", ("result",)),
    Step("reported", "the operator has seen it and reports to Conductor", ("recorded",)),
    Step("conductor", "Conductor has the result", ("reported",)),
    Step("accepted", "the pod is deleted and released, and the status says that Conductor has it", ("conductor",)),
)


def offsets(stamps: Stamps) -> dict[str, float]:
    """Milliseconds since the object was created."""
    return {key: (at - stamps["created"]) * 1000 for key, at in stamps.items()}


def waits(stamps: Stamps) -> dict[str, float]:
    """Milliseconds that each step took: since the latest of the moments that it came after."""
    earlier = {step.key: [stamps[key] for key in step.after if key in stamps] for step in STEPS}
    return {key: (stamps[key] - max(before)) * 1000 for key, before in earlier.items() if before and key in stamps}


def medians(lives: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Of each key, over those that have it."""
    values: dict[str, list[float]] = {}
    for life in lives:
        for key, value in life.items():
            values.setdefault(key, []).append(value)
    return {key: statistics.median(samples) for key, samples in values.items()}


def table(lives: Mapping[str, Sequence[Stamps]]) -> str:
    """A table in Markdown: for each kind of life when a step happened, and how long it took, as medians."""
    kinds = {name: (medians(map(offsets, those)), medians(map(waits, those))) for name, those in lives.items()}
    head = [f"| {cell} |" for cell in (" | ".join(("what has happened", *(f"{n}: at, ms | took" for n in kinds))),)]
    head.append("|---|" + "--:|--:|" * len(kinds))
    rows = [_row(step, kinds) for step in STEPS if any(step.key in at for at, _ in kinds.values())]
    return "\n".join([*head, *rows])


def _row(step: Step, kinds: Mapping[str, tuple[dict[str, float], dict[str, float]]]) -> str:
    cells = [_number(figures, step.key) for both in kinds.values() for figures in both]
    return f"| {step.words} | {' | '.join(cells)} |"


def _number(figures: Mapping[str, float], key: str) -> str:
    return f"{figures[key]:.0f}" if key in figures else ""


_LINE = re.compile(r"^(?P<time>[0-9-]+T\S+Z) (?P<text>.*)$")


def logged(text: str) -> Iterator[tuple[float, str]]:
    """The lines of a log that was asked for with timestamps."""
    for line in text.splitlines():
        if match := _LINE.match(line):
            yield seconds_of(match["time"]), match["text"]


def seconds_of(time: str) -> float:
    """Of a time in RFC 3339, with up to nine decimals of a second, of which Python takes six."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", time)).timestamp()


CALLS = {"hello": "hello", "download": "download", "stage": "stage", "publish": "publish", "result": "result"}


def of_agent(log: str, timings: Mapping[str, float]) -> Stamps:
    """What an agent's log tells, and how long its status says that steps took."""
    stamps: Stamps = {}
    for at, text in logged(log):
        if " serving " in text:
            stamps["serves"] = at
        if match := re.search(r"the task calls '(\w+)'", text):
            stamps.setdefault(CALLS.get(match[1], match[1]), at)
        if " recorded " in text:
            stamps["recorded"] = at
    lasted = {"downloaded": ("download", "downloading"), "staged": ("stage", "staging")}
    lasted |= {"turn": ("publish", "waitingForTurn"), "published": ("publish", "publishing")}
    for key, (begin, timing) in lasted.items():
        if begin in stamps and timing in timings:
            stamps[key] = stamps[begin] + timings[timing]
    return stamps


def of_operator(log: str, attempt: str) -> Stamps:
    """What the operator's log tells of an attempt, at the level DEBUG."""
    lines = [(at, text) for at, text in logged(log) if f"attempt {attempt}: " in text]
    reports = [at for at, text in lines if "'Report'" in text]
    return {**({"seen": lines[0][0]} if lines else {}), **({"reported": reports[0]} if reports else {})}


def of_runtime(infos: str, processes: str) -> Stamps:
    """What the container runtime and the kernel of the node tell of a pod.

    `infos` are JSON of `ctr containers info`, of the sandbox and of the containers; a line of `processes` has a
    container's id, the time, the uptime, and the start of its process in hundredths of a second since the boot, unless
    the process has ended meanwhile.
    """
    creations = {info["ID"]: seconds_of(info["CreatedAt"]) for info in _documents(infos)}
    started: dict[str, float] = {}
    for line in processes.splitlines():
        name, *times = line.split()
        if len(times) == len(("now", "uptime", "ticks")):
            now, uptime, ticks = map(float, times)
            started[name] = now - uptime + ticks / 100
    sandbox, first, *_ = sorted(creations.values())
    stamps = {"sandbox": sandbox, "first_created": first}
    return stamps | dict(zip(("first_started", "second_started"), sorted(started.values()), strict=False))


def _documents(text: str) -> Iterator[Any]:
    """The JSON documents in a text, one after the other."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        yield document
        rest = rest[end:].lstrip()
