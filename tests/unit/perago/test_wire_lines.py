"""Lines that stand in an object: the last ones, bounded, plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.wire import LONGEST_LINE, MOST_BYTES, MOST_LINES, last_lines


def test_the_last_lines_are_kept() -> None:
    """In their order."""
    assert last_lines([str(number) for number in range(100)], 3) == ("97", "98", "99")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("10%\r50%\r100%", "100%"),
        ("with a return\r", "with a return"),
        ("a\x00b\x07c\u202ed", "abcd"),
        ("\tindented", "\tindented"),
        ("lone \udc80 surrogate", "lone  surrogate"),
        ("größer", "größer"),
    ],
)
def test_a_line_is_plain_text(written: str, read: str) -> None:
    """No colours, no cursor movements, nothing that JSON or a terminal takes for something else."""
    assert last_lines([written]) == (read,)


def test_blank_lines_take_no_room() -> None:
    """Nor do lines of control characters alone."""
    assert last_lines(["a", "", "  ", "\x1b[0m", "b\n\nc"]) == ("a", "b", "c")


def test_a_long_line_is_cut_visibly() -> None:
    """Its begin is kept."""
    (line,) = last_lines(["x" * 1000])
    assert (len(line), line[-1]) == (LONGEST_LINE, "…")


@given(st.lists(st.text(max_size=400), max_size=60))
def test_whatever_is_written_is_bounded(lines: list[str]) -> None:
    """In number, length and bytes."""
    kept = last_lines(lines)
    assert len(kept) <= MOST_LINES
    assert all(0 < len(line) <= LONGEST_LINE for line in kept)
    assert sum(len(line.encode()) + 1 for line in kept) <= MOST_BYTES


def test_the_bytes_of_all_lines_are_bounded() -> None:
    """The earlier lines go."""
    kept = last_lines(["ü" * LONGEST_LINE] * MOST_LINES)
    assert len(kept) == MOST_BYTES // (2 * LONGEST_LINE + 1)
