"""The operator's folder must not become a package: `operator` is a module of the standard library."""

import operator
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def test_the_operator_folder_is_no_package() -> None:
    """`operator/__init__.py` would shadow the standard library's module wherever the checkout is on the path."""
    assert not (REPOSITORY / "operator" / "__init__.py").exists()


def test_operator_is_the_standard_librarys() -> None:
    """`import operator` imports the standard library's module."""
    assert operator.attrgetter("real")(1) == 1
