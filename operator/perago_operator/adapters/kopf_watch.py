"""kopf, and nowhere else: attempts and PeragoTasks as they come, handed to sinks.

Its costs are kept out: no event posting, no state in annotations (only `on.event` handlers), no peering, no scanning of
CRDs and namespaces, no log line an event. It knows kopf and where objects go; not what becomes of them.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import kopf

from perago.wire import API_GROUP, API_VERSION, ATTEMPTS_PLURAL
from perago_operator.api.task import TASKS_PLURAL
from perago_operator.ports import Sink, key_of

IDENTITY: Any = "perago-operator"
"""kopf's name for its process, only used in peering. Without one it asks for the user's name; ours has none."""

Login = Callable[[], kopf.ConnectionInfo]


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where attempts and tasks go."""

    attempts: Sink
    tasks: Sink


def registry(sinks: Sinks, login: Login) -> kopf.OperatorRegistry:
    """Handlers for both kinds, and how kopf logs in."""
    made = kopf.OperatorRegistry()
    for plural, sink in ((ATTEMPTS_PLURAL, sinks.attempts), (TASKS_PLURAL, sinks.tasks)):
        kopf.on.event(API_GROUP, API_VERSION, plural, registry=made, id=plural)(_into(sink))
    kopf.on.login(registry=made, id="login")(_login(login))
    return made


def _into(sink: Sink) -> Callable[..., Any]:
    async def handle(event: Mapping[str, Any], **_: object) -> None:
        deliver(sink, event)

    return handle


def deliver(sink: Sink, event: Mapping[str, Any]) -> None:
    """One raw watch event: type DELETED removes, every other type (None: from a list) puts."""
    obj = dict(event["object"])
    if event["type"] == "DELETED":
        sink.remove(key_of(obj))
    else:
        sink.put(obj)


def _login(login: Login) -> Callable[..., Any]:
    async def handle(**_: object) -> kopf.ConnectionInfo:
        return await asyncio.to_thread(login)

    return handle


def settings() -> kopf.OperatorSettings:
    """kopf without what it does besides watching."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.peering.standalone = True
    made.scanning.disabled = True
    made.watching.chunk_size = 500
    made.process.ultimate_exiting_timeout = None
    return made


async def watch(made: kopf.OperatorRegistry, namespaces: tuple[str, ...], ready: asyncio.Event) -> None:
    """Run kopf for these namespaces, or (none given) for all, until canceled; raises when a part of it fails.

    kopf takes SIGTERM and SIGINT for itself when it starts: install other handlers once `ready` is set. Its own
    `kopf.operator` is not used: at its end it cancels every task of the event loop, also those that are not its own.
    """
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    parts = await kopf.spawn_tasks(
        registry=made,
        settings=settings(),
        standalone=True,
        identity=IDENTITY,
        clusterwide=not namespaces,
        namespaces=namespaces,
        ready_flag=ready,
    )
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
