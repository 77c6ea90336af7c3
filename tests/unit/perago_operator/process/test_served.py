"""A namespace that refuses is set aside, and is nobody's trouble but its own."""

from collections.abc import Iterator

import pytest
from loguru import logger

from perago_operator.ports import NotFound, PortError, Refused, Unreachable
from perago_operator.process.served import KINDS, Served

FORBIDDEN = Refused("GET …/pods: HTTP 403: no", status=403, message="no")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged at INFO or above."""
    told: list[str] = []
    sink = logger.add(told.append, level="INFO", format="{level} {message}")
    yield told
    logger.remove(sink)


class Subject:
    """Two namespaces, or others."""

    def __init__(self, *namespaces: str | None) -> None:
        self.back: list[str] = []
        self.served = Served(namespaces or ("a", "b"), self.back.append)

    def listed(self, namespace: str | None, *kinds: str, error: PortError | None = None) -> None:
        """Objects of these kinds (all unless given) are listed, or are not."""
        for kind in kinds or KINDS:
            self.served.hear(namespace, kind, error)

    def values(self) -> dict[str, float]:
        """What the gauge shows."""
        return {name: value for (name,), value in self.served.gauge().read()}


@pytest.mark.parametrize("error", [FORBIDDEN, NotFound("gone")])
def test_one_that_refuses_keeps_no_other_from_its_work(error: PortError) -> None:
    """Whichever kind it is that may not be listed: without pods, no attempt could be judged."""
    subject = Subject()
    subject.listed("a")
    subject.listed("b", "attempts", "tasks")
    assert not subject.served.settled.is_set()
    subject.listed("b", "pods", error=error)
    assert subject.served.settled.is_set()
    assert (subject.values(), subject.served.complaint()) == ({"a": 1.0, "b": 0.0}, None)


def test_one_that_does_not_answer_is_waited_for() -> None:
    """That may be an outage of the API server, which refuses nothing."""
    subject = Subject()
    subject.listed("a")
    subject.listed("b", error=Unreachable("away"))
    subject.listed("b", error=Refused("who?", status=401, message="who?"))
    assert (subject.served.settled.is_set(), "b" in subject.served) == (False, True)


def test_it_is_told_once_that_it_refuses_and_once_that_it_does_not(lines: list[str]) -> None:
    """And its attempts are looked at again when all of it can be listed."""
    subject = Subject()
    subject.listed("b", "attempts", "pods", error=FORBIDDEN)
    subject.listed("b", "attempts", error=FORBIDDEN)
    subject.listed("b", "attempts")
    assert ("b" in subject.served, subject.back) == (False, [])
    subject.listed("b", "pods")
    subject.listed("b", "pods")
    assert ("b" in subject.served, subject.back) == (True, ["b"])
    assert [line.strip() for line in lines] == [
        "WARNING namespace b is set aside until it can be listed again: GET …/pods: HTTP 403: no",
        "INFO namespace b is served again",
    ]


def test_a_replica_that_can_serve_nothing_says_so() -> None:
    """Its Roles are missing everywhere."""
    subject = Subject()
    for namespace in ("a", "b"):
        subject.listed(namespace, "pods", error=FORBIDDEN)
    assert subject.served.complaint() == "GET …/pods: HTTP 403: no; GET …/pods: HTTP 403: no"


def test_all_namespaces_together_are_never_set_aside() -> None:
    """A refusal then concerns the whole installation."""
    subject = Subject(None)
    subject.listed(None, error=FORBIDDEN)
    assert not subject.served.settled.is_set()
    subject.listed(None)
    assert (subject.served.settled.is_set(), subject.values()) == (True, {})
