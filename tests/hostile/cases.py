"""A case: what somebody hostile tries, and what must come of it. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

NOTHING = "nothing was seen"


class Attacker(StrEnum):
    """Who tries it, as in the threat model of docs/security.md."""

    BODY = "a task's code"
    IMAGE = "a task's image"
    REPOSITORY = "who writes the repository"
    PERSON = "who may create attempts"
    AUTHOR = "who may create PeragoTasks"
    TOKEN = "a stolen agent's token"


@dataclass(frozen=True)
class Case:
    """One case; `name` is unique."""

    name: str
    attacker: Attacker
    want: str
    """Regular expression of what must come of it: a refusal in words, an error, or what is seen afterwards."""

    def holds(self, seen: str) -> bool:
        """Whether this is what must come of it."""
        return re.search(self.want, seen, re.DOTALL) is not None


@dataclass(frozen=True)
class Escape:
    """Something else came of a case than must."""

    case: Case
    seen: str

    def __str__(self) -> str:
        return f"{self.case.name} ({self.case.attacker}): {self.seen[:600]!r} is not {self.case.want!r}"


def of(attacker: Attacker, wanted: Mapping[str, str]) -> tuple[Case, ...]:
    """The cases of one attacker: name → what must come of it."""
    return tuple(Case(name, attacker, want) for name, want in wanted.items())


def escapes(cases: Iterable[Case], seen: Mapping[str, str]) -> list[Escape]:
    """The cases of which something else came; one that nothing was seen of counts as such."""
    return [Escape(case, seen.get(case.name, NOTHING)) for case in cases if not case.holds(seen.get(case.name, ""))]


def doubled(cases: Sequence[Case]) -> list[str]:
    """Names that more than one case has."""
    names = [case.name for case in cases]
    return sorted({name for name in names if names.count(name) > 1})
