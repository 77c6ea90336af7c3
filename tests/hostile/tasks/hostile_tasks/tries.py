"""How a try is told: `reached`, or the error that stopped it."""

import ctypes
import os
import platform
from collections.abc import Callable, Mapping

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
Act = Callable[[], object]


def told(tries: Mapping[str, Act]) -> dict[str, str]:
    """What came of each."""
    return {name: ended(act) for name, act in tries.items()}


def ended(act: Act) -> str:
    """What came of it, with what the act returned if that is text."""
    try:
        found = act()
    except OSError as error:
        return type(error).__name__ if error.errno is None else os.strerror(error.errno)
    except Exception as error:  # noqa: BLE001 - whatever stopped it is what came of it
        return f"{type(error).__name__}: {error}"
    return f"reached {found}" if isinstance(found, str) and found else "reached"


def call(x86: int, arm: int, *arguments: int | bytes | None) -> int:
    """A call of the kernel by its number. Raises OSError."""
    result = LIBC.syscall(x86 if X86 else arm, *arguments)
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return int(result)
