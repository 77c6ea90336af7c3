"""Says to its agent, in a workspace attempt, what is refused while the conversation goes on."""

from functools import partial
from pathlib import Path

from pydantic import BaseModel

import perago
from hostile_tasks import talk
from hostile_tasks.tries import ended


class Nothing(BaseModel):
    """No parameters."""


class Tries(BaseModel):
    """Call → the agent's answer."""

    tries: dict[str, str]


@perago.task(name="hostile-frames", owner_email="tests@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def body(workspace: Path, params: Nothing) -> Tries:
    """Each call, in the state after a download that is read-only."""
    return Tries(tries={name: ended(partial(talk.say, call)) for name, call in CALLS.items()})


CALLS: dict[str, object] = {
    "an unknown call": {"call": "dumpKeys"},
    "a call without a name": {},
    "a branch of its own": {"call": "publish", "output": {}, "branch": "main"},
    "a repository of its own": {"call": "stage", "repository": "payroll"},
    "stage what is read-only": {"call": "stage"},
    "publish without a stage": {"call": "publish", "output": {}},
    "complete without a fence": {"call": "completeNoop"},
    "a fence where none belongs": {"call": "loadCurrentAttempt"},
    "hello twice": {"call": "hello", "protocol": 3},
    "download twice": {"call": "download", "prefix": "/", "readOnly": False},
    "no time for a merge": {"call": "download", "prefix": "/", "readOnly": False, "mergeSeconds": -1},
    "a thousand levels": b'{"call":"publish","output":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}",
    "a hundred thousand levels": b'{"call":"publish","output":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a million values": b'{"call":"publish","output":{"a":[' + b"1," * 1_100_000 + b"1]}}",
    "a status that there is not": {"call": "result", "status": "ACCEPTED", "reason": "X"},
    "an exit code that is a text": {"call": "result", "status": "FAILED", "reason": "X", "exitCode": "x"},
}
