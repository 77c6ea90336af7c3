"""`python -m tests.chaos.auditor FILE`: judges a run that is over.

FILE is JSON: where the servers are, what was started and what is expected (see `Audit`). The keys of lakeFS are taken
from LAKEFS_ACCESS_KEY_ID and LAKEFS_SECRET_ACCESS_KEY. Each violation is a line; the last line counts them.
"""

import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.auditor import kubernetes_words as words
from tests.chaos.auditor.evidence import Evidence, Expected
from tests.chaos.auditor.judging import violations
from tests.chaos.auditor.reading import Servers, evidence
from tests.chaos.auditor.witness import seen


@dataclass(frozen=True)
class Audit:
    """What is to be judged."""

    servers: Servers
    expected: Expected
    sightings: Path

    @classmethod
    def read(cls, file: Path) -> "Audit":
        """The request in a file."""
        given = json.loads(file.read_text())
        keys = os.environ["LAKEFS_ACCESS_KEY_ID"], os.environ["LAKEFS_SECRET_ACCESS_KEY"]
        where = given["servers"]
        expected = {**given["expected"], "leases": frozenset(given["expected"]["leases"])}
        servers = Servers(
            Path(where["kubeconfig"]), where["namespace"], where["conductor"], where["lakefs"], lakefs_keys=keys
        )
        return cls(servers, Expected(**expected), Path(given["sightings"]))


def numbers(found: Evidence) -> str:
    """What was judged, in figures."""
    tasks = Counter(task.status for flow in found.workflows for task in flow.tasks)
    gaps = sum(one.change == "GAP" for one in found.sightings)
    pods = {one.obj["metadata"]["uid"] for one in found.sightings if one.obj["kind"] == "Pod" and one.change != "GAP"}
    attempts = len(words.last_states(found))
    commits = sum(len(history) for repo in found.repositories for history in repo.histories.values())
    ended = ", ".join(f"{count} {status}" for status, count in sorted(tasks.items()))
    return (
        f"auditor: {len(found.workflows)} workflows, tasks: {ended}; attempts: {attempts}, pods: {len(pods)}, "
        f"commits: {commits}, sightings: {len(found.sightings)}, gaps: {gaps}"
    )


def main(file: str) -> int:
    """Read, judge and print; 0 when nothing is wrong."""
    audit = Audit.read(Path(file))
    found = evidence(audit.servers, audit.expected, seen(audit.sightings))
    wrong = violations(found)
    for violation in wrong:
        print(f"VIOLATION {violation.kind}: {violation.what}")
    print(numbers(found))
    kinds = Counter(violation.kind for violation in wrong)
    attempts = len(words.last_states(found))
    counted = {"attempts": attempts, **{kind: kinds[kind] for kind in ("lost", "doubled", "leaked")}}
    print(json.dumps(counted))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
