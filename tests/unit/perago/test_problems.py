"""A declaration's problems: raised at once, or collected with the author's line."""

import pytest

import perago
from perago.problems import collecting, refuse


def test_problems_are_raised_together() -> None:
    """Several messages become one error, and no messages become none."""
    refuse()
    with pytest.raises(perago.TaskDefinitionError, match=r"^one; two$"):
        refuse("one", "two")


def test_collected_problems_have_the_line_that_caused_them() -> None:
    """The place is where the author's code makes the call, however deep the check is."""
    with collecting() as problems:
        perago.RetryPolicy(count=99, delay_seconds=-1)
        perago.require_file("/abs")
    first = test_collected_problems_have_the_line_that_caused_them.__code__.co_firstlineno
    assert [(problem.file, (problem.line or 0) - first) for problem in problems] == [
        (__file__, 3),
        (__file__, 3),
        (__file__, 4),
    ]


def test_collecting_goes_on_after_values_of_the_wrong_type() -> None:
    """One problem for each wrong value, and none that merely follows from another."""
    with collecting() as problems:
        spec = perago.WorkspaceSpec(prefix=3, pre="x")  # type: ignore[arg-type]
        perago.PublishBudget("many", 1, 0, 1, 1, 1)  # type: ignore[arg-type]
        perago.require_glob(None, min_count="few", max_count=-1)  # type: ignore[arg-type]
    assert spec.prefix == "/"
    assert [problem.message.split(" must")[0] for problem in problems] == [
        "WorkspaceSpec.prefix",
        "WorkspaceSpec.pre",
        "PublishBudget.observed_merge_p99_seconds",
        "require_glob: min_count",
        "require_glob: max_count",
        "require_glob: the path",
    ]


def test_collecting_ends_with_its_block() -> None:
    """Also when the block is left by an exception; outside, problems are raised again."""
    with pytest.raises(RuntimeError), collecting():
        raise RuntimeError
    with pytest.raises(perago.TaskDefinitionError):
        perago.RetryPolicy(count=99)


def test_a_collected_declaration_leaves_a_plain_function() -> None:
    """A body with problems can still be imported by the check, but is not a task."""
    with collecting() as problems:

        @perago.task(name="", owner_email="a@b")  # type: ignore[type-var]
        def body(params: int) -> int:
            return params

    assert not hasattr(body, "__perago_task__")
    assert len(problems) == 3
