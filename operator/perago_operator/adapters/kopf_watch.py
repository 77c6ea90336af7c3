"""`ports.WatchTasks` by kopf: PeragoTasks as they come and go, handed to a sink.

What kopf costs besides watching is switched off: no event posting, no state in annotations (only `on.event` handlers),
no peering, no scanning of CRDs and namespaces, no log line per event.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import kopf

from perago.wire import API_GROUP, API_VERSION
from perago_operator.adapters.kube_access import Access
from perago_operator.api.task import TASKS_PLURAL
from perago_operator.loops import first_of
from perago_operator.ports import FORBIDDEN, Refused, Sink, key_of

IDENTITY: Any = "perago-operator"
"""kopf's name for its process, used in peering only. Without one it asks for the user's name; ours has none."""


class KopfWatch:
    """Watches one namespace, or all, with a kopf of its own for each: one that may not be watched ends no other.

    kopf takes SIGTERM and SIGINT for itself when it starts; `take_signals` is called right after that.
    """

    def __init__(self, access: Access, *, take_signals: Callable[[], None]) -> None:
        self._access = access
        self._take_signals = take_signals

    async def __call__(self, namespace: str | None, sink: Sink, watching: asyncio.Event) -> None:
        """Watch until canceled; raises when a part of kopf fails.

        `kopf.operator` is not used: at its end it cancels every task of the event loop, also those of others.
        """
        logging.getLogger("kopf.objects").setLevel(logging.WARNING)
        parts = await kopf.spawn_tasks(
            registry=registry(sink, self._login),
            settings=settings(),
            standalone=True,
            identity=IDENTITY,
            clusterwide=namespace is None,
            namespaces=() if namespace is None else (namespace,),
            ready_flag=watching,
        )
        self._take_signals()
        try:
            await first_of(*parts)
        except Exception as error:
            if (refused := _refusal(error, namespace)) is None:
                raise
            raise refused from error
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _login(self, **_kwargs: object) -> kopf.ConnectionInfo:
        access = self._access
        scheme, _, token = (await asyncio.to_thread(access.read_authorization) or "").partition(" ")
        return kopf.ConnectionInfo(
            server=access.server,
            ca_path=access.files.ca,
            insecure=not access.verified,
            certificate_path=access.files.certificate,
            private_key_path=access.files.key,
            scheme=scheme or None,
            token=token or None,
        )


def _refusal(error: Exception, namespace: str | None) -> Refused | None:
    """What the API server has answered, where it forbids the watch; kopf does not export the class of such errors."""
    if getattr(error, "status", None) != FORBIDDEN:
        return None
    where = "" if namespace is None else f" of {namespace}"
    return Refused(f"watch of PeragoTasks{where}: {error}", status=FORBIDDEN, message=str(error))


def registry(sink: Sink, login: Callable[..., Any]) -> kopf.OperatorRegistry:
    """The handler of PeragoTasks, and how kopf logs in."""
    handlers = kopf.OperatorRegistry()
    kopf.on.event(API_GROUP, API_VERSION, TASKS_PLURAL, registry=handlers, id=TASKS_PLURAL)(_into(sink))
    kopf.on.login(registry=handlers, id="login")(login)
    return handlers


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


def settings() -> kopf.OperatorSettings:
    """kopf without what it does besides watching."""
    switches = kopf.OperatorSettings()
    switches.posting.enabled = False
    switches.peering.standalone = True
    switches.scanning.disabled = True
    switches.watching.chunk_size = 500
    switches.process.ultimate_exiting_timeout = None
    return switches
