"""The defences, each of which is taken away on its own: the case that it decides must then notice.

Some are objects of the cluster, which are removed or changed, one after the other. The others are code, which
`defused/sitecustomize.py` replaces in the operator, in the pods that it makes, or in their agents: each of them is
lacking in a namespace of its own, and all of these are played at the same time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.hostile.cases import NOTHING, Escape, escapes
from tests.hostile.scene import Scene
from tests.hostile.scenes.attempts import AUTHORED, SECOND_LINE
from tests.hostile.scenes.bare import UNGUARDED
from tests.hostile.scenes.bodies import CALLS, OUTCOMES, PROBES
from tests.hostile.scenes.images import IMAGES
from tests.hostile.scenes.people import ASKED, DECLARED, PEOPLE, steady
from tests.hostile.scenes.repositories import LISTS, REPOSITORIES
from tests.hostile.scenes.tokens import TOKENS
from tests.hostile.schema import without_schema
from tests.hostile.sites import ANY_POD, NAMESPACE, SYSTEM, Site, lacking
from tests.hostile.stage import PERSON, Stage
from tests.kubectl import Object, eventually

POLICY = f"{SYSTEM}.{NAMESPACE}-perago"
Removal = Callable[[Stage], AbstractContextManager[None]]


@dataclass(frozen=True)
class Defence:
    """One defence, the scene that is played without it, and the case of that scene that must escape then."""

    name: str
    scene: Scene
    shown_by: str
    removed: Removal | Site
    """In this block, or at this site, it is not there."""


def noticed(defence: Defence, seen: Mapping[str, str]) -> list[Escape]:
    """The escapes, beginning with the case that decides; none where that one does not escape. Pure."""
    found = [escape for escape in escapes(defence.scene.cases, seen) if escape.seen != NOTHING]
    first = [escape for escape in found if escape.case.name == defence.shown_by]
    return [*first, *(escape for escape in found if escape not in first)] if first else []


def without_all(stage: Stage, defences: Sequence[Defence]) -> Iterator[tuple[Defence, list[Escape]]]:
    """Take each away, and say which cases noticed."""
    waiting = [
        (defence, defence.scene.begun(stage.at(defence.removed)))
        for defence in defences
        if isinstance(defence.removed, Site)
    ]
    for defence, wait in waiting:
        yield defence, noticed(defence, wait())
    for defence in defences:
        if not isinstance(defence.removed, Site):
            with defence.removed(stage):
                yield defence, noticed(defence, defence.scene.begun(stage)())


def _binding(policy: str) -> Removal:
    """Without the binding of a policy."""

    @contextmanager
    def removed(stage: Stage) -> Iterator[None]:
        name = f"{POLICY}-{policy}"
        found = stage.cluster().json("get", "validatingadmissionpolicybinding", name)
        stage.cluster()("delete", "validatingadmissionpolicybinding", name)
        try:
            _decided(stage, DECIDED[policy], refused=False)
            yield
        finally:
            kept = {
                key: found["metadata"][key] for key in ("name", "labels", "annotations") if key in found["metadata"]
            }
            stage.cluster().apply([{**found, "metadata": kept}])
            _decided(stage, DECIDED[policy], refused=True)

    return removed


DECIDED: dict[str, str] = {
    "attempts": "somebody's Conductor task",
    "status": "administrator: the status of an attempt",
    "tasks": "administrator: the status of a PeragoTask",
}
"""Policy → a case that it alone decides: whether the API server has noticed a change is asked by it."""


def _decided(stage: Stage, case: str, *, refused: bool) -> None:
    """Wait until the API server has noticed the change: it refuses what the case asks, or does so no more."""
    stage.make(*steady(stage))
    ask, _ = {**ASKED, **DECLARED}[case]
    eventually(lambda: (ask(stage)[0] != "2") == refused or None, f"another answer to {case}", 60)


@contextmanager
def _more_for_agents(stage: Stage) -> Iterator[None]:
    """The account of agents may do what an administrator may."""
    with _bound(stage, "agents", {"kind": "ServiceAccount", "name": "perago-runner", "namespace": NAMESPACE}):
        yield


@contextmanager
def _more_for_people(stage: Stage) -> Iterator[None]:
    """So may the person who may create attempts."""
    with _bound(stage, "people", {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": PERSON}):
        _decided(stage, "read a Secret", refused=False)
        yield


MORE = ("agents", "people")


@contextmanager
def _bound(stage: Stage, name: str, subject: Object) -> Iterator[None]:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _more(name)},
        "roleRef": role,
        "subjects": [subject],
    }
    stage.cluster().apply([binding])
    try:
        yield
    finally:
        stage.cluster()("delete", "clusterrolebinding", _more(name))


def _more(name: str) -> str:
    return f"hostile-more-for-{name}"


def put_back(stage: Stage) -> None:
    """Remove the rights that a variant which was killed has left; the releases bring back the rest."""
    stage.cluster()("delete", "clusterrolebinding", *map(_more, MORE), "--ignore-not-found")


DEFENCES: Sequence[Defence] = (
    Defence("the admission policy of attempts", PEOPLE, "a label of a Service", _binding("attempts")),
    Defence("the admission policy of their status", TOKENS, "token: the phase", _binding("status")),
    Defence(
        "the admission policy of PeragoTasks", PEOPLE, "administrator: the status of a PeragoTask", _binding("tasks")
    ),
    Defence("the schema of pod templates", PEOPLE, "a Secret as a volume", without_schema),
    Defence("the role of agents", TOKENS, "token: read a Secret", _more_for_agents),
    Defence("the role of people", PEOPLE, "read a Secret", _more_for_people),
    Defence("the level of Pod Security", AUTHORED, "author: the node's files", ANY_POD),
    Defence("the operator's look at claims", UNGUARDED, "bare: somebody's task of Conductor", lacking("claims")),
    Defence(
        "the operator's look at staging branches", UNGUARDED, "bare: a branch of another repository", lacking("staging")
    ),
    Defence("the read-only root file system", PROBES, "write beside the image", lacking("read-only root")),
    Defence("no capabilities, and no new ones", PROBES, "capabilities that it could get", lacking("capabilities")),
    Defence("the filter of system calls", PROBES, "a namespace of users", lacking("system calls")),
    Defence("a user that is not root", IMAGES, "image: its user", lacking("user")),
    Defence("the token for the agent alone", PROBES, "a token in a file", lacking("token")),
    Defence("the keys for the agent alone", PROBES, "a secret in a file", lacking("keys")),
    Defence("processes apart", PROBES, "processes that it sees", lacking("processes")),
    Defence("the sizes of volumes", PROBES, "fill the socket's volume", lacking("sizes of volumes")),
    Defence("the agent's single connection", IMAGES, "image: a third connection", lacking("one connection")),
    Defence("the agent cannot be traced", PROBES, "read the agent's memory", lacking("untraceable")),
    Defence("the order of calls", CALLS, "publish without a stage", lacking("order of calls")),
    Defence("the limits of calls", CALLS, "a million values", lacking("limits of calls")),
    Defence("links that are not followed", LISTS, "publish: a link in a list of its own", lacking("links")),
    Defence("names of objects", REPOSITORIES, "an object above the workspace", lacking("names")),
    Defence("the words of outcomes", OUTCOMES, "body: forged reason", lacking("words of outcomes")),
    Defence("the operator's look at pod templates", SECOND_LINE, "second line: a Secret", lacking("templates")),
)
