"""The reference pages that are made from data: `python -m perago_operator.api.reference [--check] [FOLDER]`.

Writes `reasons.md` from `reasons` and `pod-template.md` from `podfields` into `docs/reference`; with `--check` writes
nothing and fails when a file differs.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence

from perago_operator.api import podreference
from perago_operator.api.generated import written
from perago_operator.api.reasons import (
    AGENT_OUTCOMES,
    ATTEMPT_CONDITIONS,
    EVENT_REASONS,
    FAULTS,
    POD_FAILURES,
    STOPS,
    TASK_CONDITIONS,
    WAITS,
    ConditionType,
    Fault,
    Reason,
)

INTRODUCTION = """\
<!-- Generated from perago.wire.reasons and perago_operator.api.reasons; run `make reasons` after changing them. -->
# Conditions and reasons

A reason is one CamelCase word that says why something is as it is. Reasons appear in conditions
(`.status.conditions[*].reason`), in outcomes (`.status.outcome.reason`) and in events. Programs may rely on the words
listed here. The messages beside them are for people and may change.
"""

EVENTS = """\
## Events

An attempt's events carry the reasons above: a warning for each new reason of `PodReady` that people should look at,
and an event with the outcome's reason and message when the attempt has ended. Some events have a reason of their own:
"""


def rendered() -> str:
    """The page."""
    parts = (
        INTRODUCTION,
        "## Conditions of a PeragoAttempt\n",
        *_conditions(ATTEMPT_CONDITIONS),
        "## Outcomes of a PeragoAttempt\n",
        "`.status.outcome.failureClass` says whose fault a failure is, and `.status.outcome.remedy` what to do about\n"
        "it. The metric `perago_attempts_finished_total` counts attempts by result, class and reason.\n",
        _faults(),
        "### Failures found by the operator\n",
        "`failurePolicy` chooses the result that is reported for them, and for those that the agent reports. Its\n"
        "`onReason` takes every reason of an outcome except `Completed` and `Superseded`.\n",
        _failures((*POD_FAILURES, *WAITS)),
        "### Attempts that were stopped\n",
        _table(STOPS),
        "### Reported by the agent\n",
        "A task body that raises an exception of its own ends with the name of the exception's class as the reason.\n"
        "The other reasons are these.\n",
        _failures(AGENT_OUTCOMES),
        EVENTS,
        _table(EVENT_REASONS),
        "## Conditions of a PeragoTask\n",
        *_conditions(TASK_CONDITIONS),
    )
    return "\n".join(parts)


def _conditions(reasons: Mapping[ConditionType, tuple[Reason, ...]]) -> Iterable[str]:
    for kind, of_kind in reasons.items():
        yield f"### `{kind.value}`\n\n{kind.sentence}\n"
        yield _table(of_kind)


def _table(reasons: Iterable[Reason]) -> str:
    rows = [f"| `{reason.value}` | {reason.sentence} | {reason.remedy} |".replace("|  |", "| |") for reason in reasons]
    return "\n".join(["| Reason | Meaning | What to do |", "|---|---|---|", *rows, ""])


def _failures(reasons: Iterable[Reason]) -> str:
    """A table with one more column."""
    reasons = tuple(reasons)
    head, line, *rows, end = _table(reasons).split("\n")
    faults = (FAULTS[reason].value if reason in FAULTS else "" for reason in reasons)
    completed_rows = (f"{row} {fault} |".replace("|  |", "| |") for row, fault in zip(rows, faults, strict=True))
    return "\n".join([f"{head} Class |", f"{line}---|", *completed_rows, end])


def _faults() -> str:
    rows = (f"| {fault.value} | {fault.sentence} |" for fault in Fault)
    return "\n".join(["| Class | What is to be corrected |", "|---|---|", *rows, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the pages; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m perago_operator.api.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail when a file differs")
    parser.add_argument("folder", nargs="?", default="docs/reference")
    chosen = parser.parse_args(arguments)
    pages = {"reasons.md": rendered(), "pod-template.md": podreference.rendered()}
    files = {f"{chosen.folder}/{name}": text for name, text in pages.items()}
    return written(files, check=chosen.check, remedy="run make reasons")


if __name__ == "__main__":
    sys.exit(main())
