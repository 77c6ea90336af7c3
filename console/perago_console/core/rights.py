"""Which rights in a namespace each command needs, and which let it show more. Pure; tests compare it with the calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from perago_console.ports import ATTEMPTS, EVENTS, POD_LOGS, PODS, TASKS, Kind

Right = tuple[str, Kind]
"""A verb, and what it is done to."""


@dataclass(frozen=True)
class Needs:
    """What a command cannot do without, and what it shows less without."""

    required: tuple[Right, ...]
    helpful: tuple[Right, ...] = ()


_READ: Final[tuple[Right, ...]] = (("get", ATTEMPTS), ("list", ATTEMPTS))

NEEDS: Final[Mapping[str, Needs]] = {
    "list": Needs((("list", ATTEMPTS),), (("watch", ATTEMPTS),)),
    "describe": Needs(_READ, (("list", PODS), ("list", EVENTS))),
    "explain": Needs(_READ, (("get", TASKS),)),
    "logs": Needs(_READ, (("list", PODS), ("get", POD_LOGS))),
    "top": Needs((("list", ATTEMPTS), ("list", TASKS))),
    "cancel": Needs((*_READ, ("patch", ATTEMPTS))),
    "retry": Needs((*_READ, ("create", ATTEMPTS))),
}
