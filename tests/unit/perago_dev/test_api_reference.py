"""The reference of the Python package is made from the docstrings, whole and readable."""

from pathlib import Path

import pytest

from perago_dev import api_reference
from perago_dev.api_reference import AREAS, PAGE, fields, main, rendered, sections

ROOT = Path(__file__).parents[3]


def documented(station: str, days: int = 3) -> None:
    """Do something.

    In two paragraphs.

    Parameters
    ----------
    station : str
        The station,
        on two lines.
    days : int
        How many.

    Examples
    --------
    First:

    >>> 1 + 1
    2
    """


def test_the_page_is_up_to_date() -> None:
    """What is committed is what the docstrings say."""
    assert (ROOT / PAGE).read_text() == rendered()


def test_a_page_that_differs_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A check writes nothing and says what to do; without it, the page is written."""
    page = tmp_path / "api.md"
    page.write_text("old")
    assert main(["--check", str(page)]) == 1
    assert "make api-reference" in capsys.readouterr().err
    assert page.read_text() == "old"
    assert main([str(page)]) == 0
    assert main(["--check", str(page)]) == 0


def test_sections_are_told_apart() -> None:
    """By their underlined titles; the text before them has none."""
    found = sections(documented)
    assert list(found) == ["", "Parameters", "Examples"]
    assert found[""] == "Do something.\n\nIn two paragraphs."
    assert list(fields(found["Parameters"])) == [
        ("station : str", "The station, on two lines."),
        ("days : int", "How many."),
    ]


def test_an_entry_is_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signature, text, fields as a list, and examples as a console session."""
    monkeypatch.setattr(api_reference, "named", lambda _name: documented)
    text = "\n".join(api_reference._entry("documented"))
    assert "### `perago.documented`\n\n```python\ndocumented(station, days=3)\n```\n\nDo something." in text
    assert "**Parameters**\n\n- `station` (str): The station, on two lines.\n- `days` (int): How many.\n" in text
    assert text.endswith("**Examples**\n\nFirst:\n\n```pycon\n>>> 1 + 1\n2\n```\n")


def test_every_area_is_linked() -> None:
    """From the top of the page to its heading."""
    page = rendered()
    for area in AREAS:
        assert f"- [{area}](#{area.lower().replace(' ', '-')})" in page
        assert f"\n## {area}\n" in page
