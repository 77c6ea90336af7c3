"""What comes from a repository, and what a task wants to publish to it."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from tests.hostile.cases import Attacker, Case, of
from tests.hostile.scene import Scene, Seen, followed
from tests.hostile.sites import slug
from tests.hostile.stage import Stage, told

OBJECTS: Mapping[str, tuple[str, str]] = {
    "an object above the workspace": ("../escape", "^Failed, executions [01], FAILED, TaskInputError"),
    "an object at the root": ("/etc/cron.d/evil", "^Failed, executions [01], FAILED, TaskInputError"),
    "an object that climbs": ("a/../../../escape", "^Failed, executions [01], FAILED, TaskInputError"),
    "an object here": ("./here", "^Failed, executions [01], FAILED, TaskInputError"),
    "an object with an empty part": ("a//b", "^Failed, executions [01], FAILED, TaskInputError"),
    "an object with a long name": ("n" * 300, "^Failed, executions [01], FAILED, TaskInputError"),
    "an object with NUL": ("a\0b", "^(Failed, executions 1, FAILED, TaskInputError|lakeFS refuses)"),
    "an object with a line's end": ("a\nb", "^Succeeded, executions 1, .*inside"),
    "a manifest of its own": (".perago-manifest.json", "^Succeeded, executions 1, .*inside"),
}
"""Names of objects → what becomes of an attempt on them."""
PUBLISHED: Mapping[str, str] = {
    "a link to a file": "^Failed, .*(sly|symlink|link)",
    "a link to the agent's environment": "^Failed, .*(sly|symlink|link)",
    "a link to the keys": "^Failed, .*(keys|symlink|link)",
    "a hook of the repository": "^Failed, .*_lakefs_actions",
    "a pipe": "^Succeeded, executions 1, ",
    "a file that changes into a link": "^(Failed, .*swapped|Succeeded, )",
    "success without a publication": "^Succeeded, executions 1, .*OutOfOrder",
    "a name that is too long": "^Failed, executions [01], FAILED, TaskInputError, .*1024 at most",
}
"""Ways to publish what must not be → what becomes of the attempt."""
LISTED: Mapping[str, str] = {
    "a path out of the workspace": "^Failed, executions [01], FAILED, TaskInputError",
    "a path from the root": "^Failed, executions [01], FAILED, TaskInputError",
    "no path": "^Failed, executions [01], FAILED, TaskInputError",
    "a change that is not there": "^Failed, executions [01], FAILED, TaskInputError",
    "a pipe for a list": "^Failed, executions [01], FAILED, TaskInputError",
    "a link in a list of its own": "^Failed, executions [01], FAILED, TaskInputError, .*sly.*symlink",
}
"""Lists of changes that are the task's own → the same."""


def _cases(ways: Mapping[str, str]) -> tuple[Case, ...]:
    return of(Attacker.BODY, {f"publish: {way}": want for way, want in ways.items()})


def _objects(stage: Stage) -> Callable[[], Seen]:
    seen: Seen = {}
    made = []
    for case, (path, _) in OBJECTS.items():
        try:
            repository = stage.repository(slug(case), {path: b"content"})
        except Exception as error:  # noqa: BLE001 - whatever the client says
            seen[case] = f"lakeFS refuses the name: {type(error).__name__} {error}"
            continue
        made.append(stage.attempt(slug(case), "lists", {"workspace": repository.workspace(), "params": {}}))
    stage.make(*made)

    def wait() -> Seen:
        over = followed(stage, made, 600)
        return {**seen, **{case: told(over[slug(case)]) for case in OBJECTS if slug(case) in over}}

    return wait


def _publishing(ways: Iterable[str], stage: Stage) -> Callable[[], Seen]:
    made = {}
    for way in ways:
        name = slug(f"publish {way}")
        given = {"workspace": stage.repository(name).workspace(), "params": {"way": way}}
        made[way] = stage.attempt(name, "publishes", given, activeDeadlineSeconds=240)
    stage.make(*made.values())

    def wait() -> Seen:
        over = followed(stage, list(made.values()), 600)
        return {f"publish: {way}": told(over[attempt["metadata"]["name"]]) for way, attempt in made.items()}

    return wait


REPOSITORIES = Scene(
    "repositories", of(Attacker.REPOSITORY, {name: want for name, (_, want) in OBJECTS.items()}), _objects
)
PUBLICATIONS = Scene("publications", _cases(PUBLISHED), partial(_publishing, PUBLISHED))
LISTS = Scene("lists", _cases(LISTED), partial(_publishing, LISTED))
