"""The options that say which cluster, and where in it: said once, for every command that looks there."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Annotated, Any, Final

import typer

from perago_console.problems import Misused
from perago_console.session import Session

Context = Annotated[str | None, typer.Option("--context", help="The context of the kubeconfig.")]
As = Annotated[str | None, typer.Option("--as", metavar="USER", help="Ask in the name of this user, as kubectl does.")]
Opened = Callable[[], Session]
"""Opens the session of a command, once its other options are known to be right."""


@dataclass(frozen=True)
class Place:
    """Which cluster, in whose name, and which namespace of it; `every` stands for all of them."""

    namespace: str | None = None
    every: bool = False
    context: str | None = None
    user: str | None = None


def in_cluster(command: Callable[..., int]) -> Callable[..., int]:
    """The command with the options of a place, after its own; it is called with `session`, which opens one there."""

    @wraps(command)
    def called(
        *words: Any, namespace: str | None, all_namespaces: bool, context: str | None, user: str | None, **options: Any
    ) -> int:
        place = Place(namespace, all_namespaces, context, user)
        return command(*words, session=partial(session_in, place), **options)

    own = inspect.signature(command)
    parameters = [*(parameter for parameter in own.parameters.values() if parameter.name != "session"), *_PLACE]
    called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def session_in(place: Place) -> Session:
    """A session there. Loads the clients' libraries."""
    from perago_console.kube import Access, KubeCluster
    from perago_console.output import Output

    if place.every and place.namespace:
        raise Misused("pass --namespace or --all-namespaces, not both")
    cluster = KubeCluster(Access(place.context, place.user))
    namespace = None if place.every else place.namespace or cluster.namespace
    return Session(cluster, namespace, lambda: datetime.now(UTC), Output())


def _options(
    *,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", help="The namespace (default: that of the kubeconfig's context)."),
    ] = None,
    all_namespaces: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Look in all namespaces.")] = False,
    context: Context = None,
    user: As = None,
) -> None:
    """Their names, defaults and help, in the order in which `--help` shows them."""


_PLACE: Final = tuple(inspect.signature(_options).parameters.values())
