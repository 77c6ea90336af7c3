"""The end of a traceback as it stands in an attempt's status: the author's frames, the last ones, the causes."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perago.traces import CAUSES, OWN_FRAMES, last_lines_of

Raises = Callable[[str], list[str]]


@pytest.fixture
def lines_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Raises:
    """The lines of what a module's function `body` raises."""
    monkeypatch.syspath_prepend(tmp_path)

    def raised(source: str) -> list[str]:
        (tmp_path / "authors_module.py").write_text(source)
        sys.modules.pop("authors_module", None)
        importlib.invalidate_caches()
        with pytest.raises(Exception) as info:
            importlib.import_module("authors_module").body()
        return last_lines_of(info.value)

    return raised


def test_the_authors_line_is_shown_with_its_code(lines_of: Raises, tmp_path: Path) -> None:
    """File, line, function, the code, and then the exception with its text."""
    lines = lines_of("def body():\n    table = {}\n    return table['b']\n")
    assert lines[-3:] == [
        f'  File "{tmp_path}/authors_module.py", line 3, in body',
        "    return table['b']",
        "KeyError: 'b'",
    ]


def test_a_librarys_many_frames_do_not_hide_the_authors(lines_of: Raises, tmp_path: Path) -> None:
    """The call into the library is shown beside the place where it failed."""
    lines = lines_of("import json\ndef body():\n    json.dumps({'a': [[[[[[object()]]]]]]})\n")
    assert f'  File "{tmp_path}/authors_module.py", line 3, in body' in lines
    assert "/json/" in lines[-3]
    assert lines[-1].startswith("TypeError: ")


def test_deep_recursion_is_cut(lines_of: Raises) -> None:
    """The last frames, and how many are left out between them."""
    lines = lines_of("def body(n=50):\n    return 1 / n if n == 0 else body(n - 1)\n")
    assert len([line for line in lines if line.startswith("  File")]) == OWN_FRAMES
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_causes_stand_above_what_they_led_to(lines_of: Raises) -> None:
    """At most so many of them."""
    again = "        n / 0 if n == 0 else body(n - 1)\n"
    source = f"def body(n=9):\n    try:\n{again}    except Exception as e:\n        raise ValueError(n) from e\n"
    lines = [line for line in lines_of(source) if not line.startswith(" ")]
    assert lines == [f"ValueError: {number}" for number in range(10 - CAUSES, 10)]


def test_a_suppressed_context_is_not_shown(lines_of: Raises) -> None:
    """`raise … from None` says that it does not matter."""
    lines = lines_of(
        "def body():\n    try:\n        {}['a']\n    except KeyError:\n        raise ValueError('b') from None\n"
    )
    assert [line for line in lines if not line.startswith(" ")] == ["ValueError: b"]


def test_values_of_variables_are_not_shown(lines_of: Raises) -> None:
    """A status is read by many people."""
    lines = lines_of("def body():\n    key = 'pass' + 'phrase'\n    raise ValueError('why')\n")
    assert "passphrase" not in "\n".join(lines)


def test_an_exception_without_a_text_is_named(lines_of: Raises) -> None:
    """Its `__str__` may raise itself."""
    lines = lines_of(
        "class Odd(Exception):\n    def __str__(self):\n        raise OSError\ndef body():\n    raise Odd\n"
    )
    assert "Odd" in lines[-1]
