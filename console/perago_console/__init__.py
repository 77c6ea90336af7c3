"""The commands of `perago` for people on call, over the public API of the cluster.

They know the published words and the objects of the API, and nothing of the operator. `perago` shows them where this
package is installed; they need its extra `console`.
"""

from collections.abc import Mapping
from typing import Final

COMMANDS: Final[Mapping[str, str]] = {
    "list": "list attempts, with what each waits for and why",
    "describe": "show all that is known of an attempt, with a timeline",
    "explain": "say what an attempt waits for, until when, and what to do; also of a PeragoTask or a reason",
    "logs": "print or follow the task's log, also after the pod is gone",
    "cancel": "stop attempts",
    "retry": "run what has ended again: an attempt made by hand, or a Conductor task's workflow",
    "top": "show how each PeragoTask is doing: running, waiting, rates, the slowest part",
    "why": "say which attempt made a commit in lakeFS, or the last change of an object",
    "doctor": "check configuration, rights, the operator, PeragoTasks, servers and clocks",
    "support-bundle": "collect what somebody who helps needs to see, without credentials",
}
"""Each command, and what it does; `perago --help` shows both without loading more than this."""
