"""What the demo registers: the example's files with this run's image, branch and commit."""

import pytest

from perago_dev.demo import definitions
from perago_dev.demo.__main__ import main, next_commands
from perago_dev.demo.checks import CheckFailed
from perago_dev.demo.steps import Published
from perago_dev.demo.story import Story, agreed


@pytest.mark.parametrize(
    ("taken", "want"),
    [([], "demo-1"), (["main", "demo-x"], "demo-1"), (["demo-2", "demo-10", "demo-9"], "demo-11")],
)
def test_each_run_has_the_next_branch(taken: list[str], want: str) -> None:
    """Branches are numbered, and numbers compare as numbers."""
    assert definitions.next_branch(taken) == want


def test_tasks_get_this_runs_image() -> None:
    """Both of them; the file is left as it is."""
    assert {task["spec"]["image"] for task in definitions.perago_tasks("x:1")} == {"x:1"}
    assert len(definitions.perago_tasks("x:1")) == 2


def test_attempt_gets_branch_and_commit() -> None:
    """No placeholder is left."""
    workspace = definitions.attempt("demo-3", "abc")["spec"]["input"]["workspace"]
    assert workspace == definitions.workspace("demo-3", "abc")


def test_workflow_input_is_what_the_workflow_asks_for() -> None:
    """Its parameters, by name."""
    assert sorted(definitions.workflow_input("b", "c")) == sorted(definitions.workflow()["inputParameters"])


def test_the_table_has_a_row_for_each_day() -> None:
    """The head line and 1461 days."""
    assert len(definitions.observations().splitlines()) == 1462


def test_a_step_becomes_a_row_only_when_it_ends_well() -> None:
    """The closing table shows what was reached."""
    story = Story()
    with story.step("one") as outcome:
        outcome += ["a", "b"]
    with pytest.raises(CheckFailed), story.step("two"):
        raise CheckFailed("no")
    assert [(row.step, row.outcome) for row in story.rows] == [("one", "a, b")]


def test_a_check_may_need_a_moment() -> None:
    """It is repeated, and its own words are raised when time is up."""
    left = [1]

    def check() -> None:
        if left:
            raise CheckFailed(f"left: {left.pop()}")

    agreed(check, 5)
    left.append(2)
    with pytest.raises(CheckFailed, match="left: 2"):
        agreed(check, -1)


def test_unknown_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """argparse's own words, before anything is done."""
    with pytest.raises(SystemExit):
        main(["--nmae", "x"])
    assert "--nmae" in capsys.readouterr().err


def test_next_commands_name_another_environment() -> None:
    """The usual one needs no name."""
    published = Published("demo-1", "c", ("a1",))
    assert "env)" in next_commands("perago", published)
    assert "make down\n" in next_commands("perago", published) + "\n"
    other = next_commands("other", published)
    assert "env --name other)" in other
    assert "make down NAME=other" in other
