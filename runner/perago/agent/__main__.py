"""The agent container's process: `python -m perago.agent`, with the order in `PERAGO_ORDER`.

It listens first, so that the task's connection can wait in the kernel, and imports the rest afterwards. The parts are
put together in `perago.agent.run`; what the exit code means stands in `perago.agent.life`.
"""

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from perago.agent.mounts import Mounts

SOCKET_PATH = "/run/perago/agent.sock"
"""`perago.wire.SOCKET_PATH`, repeated so that listening need not wait for imports; a test compares them."""


def main() -> int:
    """Serve the attempt of this container's order; returns the exit code."""
    gc.disable()  # until all is imported: a tenth of the start
    from perago.agent.listen import listen

    listener = listen(SOCKET_PATH)
    from perago.agent.mounts import pod_mounts
    from perago.wire.untraceable import refuse_tracing

    refuse_tracing()

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
