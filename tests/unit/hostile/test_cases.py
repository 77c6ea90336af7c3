"""The harness of the hostile cases: what counts as an escape, and that every case and every defence can show."""

import importlib.util
import re
from pathlib import Path

import pytest

from perago_dev.environment import Environment
from tests import builders as b
from tests.hostile.cases import Attacker, Case, doubled, escapes
from tests.hostile.defences import DEFENCES, Defence, noticed
from tests.hostile.scene import Scene
from tests.hostile.scenes import ALL
from tests.hostile.scenes.tokens import own_branch
from tests.hostile.sites import ANY_POD, BARE, FULL, Site, lacking, slug
from tests.hostile.stage import HERE, Stage, told

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


def test_each_defence_has_a_name_of_its_own_and_a_case_that_decides() -> None:
    """The case is of the scene that is played without the defence, and of one that is played with it."""
    names = [defence.name for defence in DEFENCES]
    assert len(names) == len(set(names))
    decided = [case for defence in DEFENCES for case in defence.scene.cases if case.name == defence.shown_by]
    assert len(decided) == len(DEFENCES)
    assert [case for case in decided if case not in CASES] == []


SOME = (CASE, Case("list Secrets", Attacker.PERSON, "^403 "))
DEFENCE = Defence("a role", Scene("people", SOME, lambda stage: dict), "list Secrets", FULL)


def test_a_defence_is_noticed_by_the_case_that_it_decides() -> None:
    """That case comes first, and the others that escape follow."""
    found = noticed(DEFENCE, {"read a Secret": "200 ", "list Secrets": "200 "})
    assert [escape.case.name for escape in found] == ["list Secrets", "read a Secret"]


@pytest.mark.parametrize("seen", [{}, {"read a Secret": "200 "}, {"read a Secret": "200 ", "list Secrets": "403 "}])
def test_a_defence_is_not_noticed_by_another_case_nor_by_a_scene_that_broke_off(seen: dict[str, str]) -> None:
    """A scene that something else disturbs has shown nothing."""
    assert noticed(DEFENCE, seen) == []


def test_a_scene_that_breaks_off_has_seen_nothing_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """At its beginning, or while it is waited for; the other scenes go on."""
    stage = Stage(Environment("e", Path(), Path(), "", "", "", "", "", "", "", "", Path()), "run")
    for begin in (lambda _: pytest.fail("no pod"), lambda _: lambda: pytest.fail("no pod")):
        assert Scene("people", SOME, begin).begun(stage)() == {}
        assert "BROKE OFF people" in (printed := capsys.readouterr().out)
        assert "no pod" in printed


def test_each_site_has_a_namespace_of_its_own() -> None:
    """What is lacking at one site must not be lacking at another."""
    sites = {FULL, BARE, ANY_POD, *(defence.removed for defence in DEFENCES if isinstance(defence.removed, Site))}
    assert len({site.namespace for site in sites}) == len(sites)
    assert len({site.named("x") for site in sites}) == len(sites)
    assert max(len(site.namespace) for site in sites) <= 63


def test_what_replaces_code_names_code_that_is_there() -> None:
    """`_replace` fails where nothing has the name: here that is noticed without a cluster."""
    spec = importlib.util.spec_from_file_location("defused", HERE / "defused" / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    replaced: list[str] = []

    def replace(name: str, **values: object) -> None:
        found = importlib.import_module(name)
        assert [value for value in values if not hasattr(found, value)] == []
        replaced.extend(f"{name}.{value}" for value in values)

    vars(module)["_replace"] = replace
    for remove in module.OPERATOR.values():
        remove("somewhere")
    for name, remove in module.AGENT.items():
        if name != "crashes":
            remove()
    assert len(replaced) == 18
    known = {*module.OPERATOR, *module.PODS, *module.AGENT}
    assert {site.lacks for site in map(lacking, known)} == known
    sites = [defence.removed for defence in DEFENCES if isinstance(defence.removed, Site) and defence.removed.lacks]
    assert {site.lacks for site in sites} == known - {"crashes"}


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


def test_names_of_objects() -> None:
    """Every name of a case makes one."""
    assert slug("author: the node's files") == "author-the-node-s-files"
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,56}[a-z0-9])?", slug(case.name)) for case in CASES)
