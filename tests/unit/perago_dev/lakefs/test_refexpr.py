"""Reference expressions, read."""

import pytest

from perago_dev.lakefs.model.refexpr import BRANCH_NAME, RefExpression, parse


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("main", RefExpression("main", (), "")),
        ("main@", RefExpression("main", (), "@")),
        ("main$", RefExpression("main", (), "$")),
        ("main~", RefExpression("main", (("~", 1),), "")),
        ("main~2^1", RefExpression("main", (("~", 2), ("^", 1)), "")),
        ("abc123^0", RefExpression("abc123", (("^", 0),), "")),
    ],
)
def test_expressions(text: str, want: RefExpression) -> None:
    """A name, steps to ancestors, and which side of a branch."""
    assert parse(text) == want


@pytest.mark.parametrize("text", ["", "~1", "@", "a@b", "a@~1", "a$$"])
def test_what_is_no_expression(text: str) -> None:
    """Suffixes need a name before them, and a side comes last."""
    assert parse(text) is None


@pytest.mark.parametrize(("name", "valid"), [("a", True), ("_x-1", True), ("-a", False), ("a.b", False), ("é", False)])
def test_branch_names(name: str, valid: bool) -> None:
    """Letters, digits, underscores, dashes; no dash first."""
    assert bool(BRANCH_NAME.fullmatch(name)) is valid
