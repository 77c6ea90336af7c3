"""The docstrings of the public names: whole, for their callers, and with examples that run."""

import doctest
import inspect
from collections.abc import Mapping

import pytest

import perago
from perago_dev.api_reference import AREAS, fields, named, parameters, sections

NAMES = [name for names in AREAS.values() for name in names]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(named(name))]
CLASSES = [name for name in NAMES if "Parameters" in sections(named(name)) and inspect.isclass(named(name))]
ERRORS = [name for name in AREAS["Errors"] if name not in CLASSES]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
CALLBACKS = [
    "download_workspace",
    "load_current_attempt",
    "stage_workspace",
    "publish_workspace",
    "cleanup_staging",
    "complete_noop_workspace",
]


def documented_parameters(name: str) -> Mapping[str, str]:
    """The text of each parameter in a docstring; `a, b : str` is a line for two."""
    lines = fields(sections(named(name)).get("Parameters", ""))
    return {part.strip(): text for head, text in lines for part in head.partition(" : ")[0].split(",")}


@pytest.mark.parametrize("name", FUNCTIONS + CLASSES)
def test_every_parameter_is_documented(name: str) -> None:
    """In the order of the signature, none left out, none that is not there, each with a text."""
    written = documented_parameters(name)
    found = parameters(named(name))
    assert list(written) == [str(parameter).partition("=")[0] for parameter in found]
    assert all(text.endswith(".") for text in written.values())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_returns(name: str) -> None:
    """Unless it returns nothing."""
    returns_nothing = inspect.signature(named(name)).return_annotation in (None, "None")  # type: ignore[arg-type]
    assert ("Returns" in sections(named(name))) == (not returns_nothing)


@pytest.mark.parametrize("name", FUNCTIONS + CLASSES)
def test_examples_run(name: str) -> None:
    """Each docstring has an example, and its output is what the docstring shows."""
    (test,) = doctest.DocTestFinder(recurse=False).find(named(name), name, globs={})
    assert test.examples
    report: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
    assert report == []


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_says_when_it_is_raised(name: str) -> None:
    """An exception without parameters of its own has a sentence."""
    assert sections(named(name))[""].endswith(".")


@pytest.mark.parametrize("name", CALLBACKS)
def test_help_answers_what_a_callback_is_for(name: str) -> None:
    """When it is called, and what happens to what it returns and raises."""
    text = documented_parameters("run_workspace_task_attempt")[name]
    assert text.startswith("Called ")
    assert "raises" in text
    assert "return" in text or "puts there" in text


def test_the_reference_has_every_public_name_once() -> None:
    """Those of `perago`, and those of its modules that the contract names."""
    assert len(NAMES) == len(set(NAMES))
    assert {name for name in NAMES if "." not in name} == set(perago.__all__)
