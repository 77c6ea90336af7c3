"""What a replica does that has lost the Lease: it ends, and the same process begins again in the same container.

A container that ended whenever the API server is away would soon be in CrashLoopBackOff, and stay down for up to five
minutes after the API server is back. There is no pause before the new beginning: what was lost is lost either after ten
seconds without a renewal or to another replica, so a replica cannot go round in a tight loop.
"""

import os
import signal
import sys
from typing import NoReturn

from loguru import logger

from perago_operator.process.leader import LeadershipLost

SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""Those that ask a replica to end."""


def end_at_once(error: LeadershipLost, *, asked_to_end: bool) -> NoReturn:
    """Drop everything without closing it, then begin again, unless the replica was asked to end.

    A blocking call in a thread would otherwise be waited for while another replica leads. Threads and connections end
    with the program that is replaced; the process id, and thus the container, stays.
    """
    if asked_to_end:
        logger.error("{}: ending at once", error)
        os._exit(0)
    logger.error("{}: ending at once and beginning again", error)
    # A signal that comes before the new program listens waits for it. The first process of a container ignores others.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    except OSError as failure:
        logger.error("the operator cannot begin again by itself: {}", failure)
        os._exit(1)


def hear_signals() -> None:
    """Let through what `end_at_once` has held back; their handlers are set."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
