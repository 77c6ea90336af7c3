"""The agent container's composition root: `python -m perago.agent`, with the order in `PERAGO_ORDER`.

How it ends:

    the task's result was recorded, or evidence made the outcome   0
    the task died after its work was published                     0, COMPLETED: the publication is the evidence
    the task died, or never connected                              1: what became of its container (OOM, exit code)
                                                                   only the operator can see, from the pod
    the outcome could not be recorded (API server, attempt gone)   1: the operator takes it for a disruption

In each case the staging branch is deleted first, as far as lakeFS can be reached. On SIGTERM, which both containers
get at once, the agent goes on serving until the task has ended; without a task it ends.
"""

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from perago.agent.mounts import Mounts

SOCKET_PATH = "/run/perago/agent.sock"
"""`perago.wire.SOCKET_PATH`, said again so that listening need not wait for imports; a test compares them."""


def main() -> int:
    """Serve the attempt of this container's order; returns the exit code."""
    os.umask(0o002)
    gc.disable()  # until all is imported: a tenth of the start
    from perago.agent.listen import listen

    listener = listen(SOCKET_PATH)
    from perago.agent.mounts import pod_mounts

    return serve(os.environ["PERAGO_ORDER"], pod_mounts(os.environ), listener)


def serve(order: str, mounts: "Mounts", listener: "socket.socket") -> int:
    """Serve the attempt of `order` (JSON) to the task that connects to `listener`; returns the exit code."""
    import asyncio

    from perago.agent.run import run
    from perago.wire import Order

    gc.freeze()
    gc.enable()
    return asyncio.run(run(Order.model_validate_json(order), mounts, listener))


if __name__ == "__main__":
    sys.exit(main())
