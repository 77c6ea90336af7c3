"""The harness of the hostile cases: what counts as an escape, and that every case and every defence can show."""

import importlib.util
import re
from pathlib import Path

import pytest

from perago.wire.kept_output import output_metadata
from tests import builders as b
from tests.hostile import stage
from tests.hostile.cases import Attacker, Case, doubled, escapes
from tests.hostile.defences import DEFENCES
from tests.hostile.places import unpacked
from tests.hostile.scenes import ALL
from tests.hostile.scenes.tokens import own_branch
from tests.hostile.stage import slug, told

CASES = [case for scene in ALL for case in scene.cases]
CASE = Case("read a Secret", Attacker.PERSON, "^403 .*cannot")


def test_what_must_come_of_a_case_is_no_escape() -> None:
    """The words of the refusal count, and not that there was one."""
    assert escapes([CASE], {"read a Secret": "403 mallory cannot get"}) == []


@pytest.mark.parametrize("seen", ["200 ", "500 cannot", "403 for another reason", "reached"])
def test_anything_else_is_an_escape(seen: str) -> None:
    """It is told with what was seen."""
    (escape,) = escapes([CASE], {"read a Secret": seen})
    assert seen.strip() in str(escape)


def test_a_case_that_nothing_was_seen_of_is_an_escape() -> None:
    """Otherwise a scene that breaks off would pass."""
    (escape,) = escapes([CASE], {"another": "403 cannot"})
    assert escape.seen == "nothing was seen"


def test_there_are_as_many_cases_as_promised() -> None:
    """With a name each."""
    assert len(CASES) >= 90
    assert doubled(CASES) == []
    assert doubled([CASE, CASE]) == [CASE.name]


def test_each_attacker_of_the_threat_model_has_cases() -> None:
    """Those of docs/security.md, the administrator and a compromised operator aside."""
    assert {case.attacker for case in CASES} == set(Attacker)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_takes_whatever_comes(case: Case) -> None:
    """Neither what an intruder wants to see, nor nothing."""
    wanted = ("", "200 ", "201 ", "reached", "Succeeded", "no phase, executions 0, no outcome")
    assert [text for text in wanted if case.holds(text)] == []


def test_each_defence_is_shown_by_a_scene_and_has_a_name_of_its_own() -> None:
    """The second line of defence has a scene that is played without the first one alone."""
    names = [defence.name for defence in DEFENCES]
    assert len(names) == len(set(names))
    assert {defence.scene.name for defence in DEFENCES} - {scene.name for scene in ALL} == {"second line"}


def test_what_replaces_code_names_code_that_is_there() -> None:
    """`_replace` fails where nothing has the name: here that is noticed without a cluster."""
    path = Path(stage.__file__).with_name("defused") / "sitecustomize.py"
    spec = importlib.util.spec_from_file_location("defused", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    replaced: list[str] = []

    def replace(name: str, **values: object) -> None:
        found = importlib.import_module(name)
        replaced.extend(f"{name}.{value}" for value in values if hasattr(found, value))
        assert all(hasattr(found, value) for value in values)

    vars(module)["_replace"] = replace
    for table in (module.OPERATOR, module.AGENT):
        for name in ("templates", "claims", "staging", "one connection", "untraceable", "order of calls"):
            if name in table:
                table[name]()
    module.AGENT["words of outcomes"]()
    assert len(replaced) == 13


def test_the_branch_that_a_thief_names_is_the_agents() -> None:
    """Written down a second time, because it is the attack."""
    attempt = b.attempt(standalone=True)
    assert own_branch(attempt, 3) == b.staging_branch(attempt, 3)


def test_what_came_of_an_attempt_is_told_in_a_line() -> None:
    """Phase, executions, outcome, output and publication."""
    outcome = {"status": "COMPLETED", "reason": "Completed", "output": {"result": 1}}
    status = {"phase": "Succeeded", "executions": 1, "outcome": outcome, "workspace": {"publishedRef": "abc"}}
    assert told({"status": status}) == (
        'Succeeded, executions 1, COMPLETED, Completed, output {"result": 1}, published abc, reporting none'
    )
    assert told({}) == "no phase, executions 0, no outcome, reporting none"


def test_what_is_packed_is_unpacked_before_it_is_searched() -> None:
    """Outputs stand in statuses and commits as the base64 of what gzip has packed."""
    (packed,) = output_metadata({"result": "secret" * 10_000}).values()
    assert any(b"secretsecret" in inner for inner in unpacked(f'{{"outputGzip": "{packed}"}}'))
    assert list(unpacked("H4sIAAAAAAAA" + "A" * 40)) == []


def test_names_of_objects() -> None:
    """Every name of a case makes one."""
    assert slug("author: the node's files") == "author-the-node-s-files"
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,56}[a-z0-9])?", slug(case.name)) for case in CASES)
