"""What the tables hold, as frozen values. Knows neither SQLite nor HTTP."""

import json
from dataclasses import asdict, dataclass
from typing import Any

COMMIT_VERSION = 1


@dataclass(frozen=True)
class Repository:
    """`created` in seconds since 1970; `protected` are branch name patterns (`*`, `?`)."""

    id: int
    name: str
    namespace: str
    default_branch: str
    created: int
    read_only: bool
    protected: tuple[str, ...]


@dataclass(frozen=True)
class Branch:
    """A branch and its head. `id` is never reused, so uncommitted changes cannot be inherited by a namesake."""

    id: int
    name: str
    commit_id: str
    hidden: bool


@dataclass(frozen=True)
class Commit:
    """`generation` is one more than the highest of what it was made from; `metarange` is "" for the empty start."""

    id: str
    parents: tuple[str, ...]
    message: str
    committer: str
    created: int
    generation: int
    metarange: str
    metadata: dict[str, str]

    def to_json(self) -> str:
        """The stored form."""
        return json.dumps(asdict(self), ensure_ascii=False)


def commit_from_json(text: str) -> Commit:
    """The inverse of `Commit.to_json`."""
    raw: dict[str, Any] = json.loads(text)
    return Commit(**(raw | {"parents": tuple(raw["parents"])}))


@dataclass(frozen=True)
class Run:
    """One run of a repository's actions; `started` and `ended` in seconds since 1970."""

    id: str
    branch: str
    event: str
    commit_id: str
    started: float
    ended: float
    passed: bool
