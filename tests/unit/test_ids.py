"""The ids of tests are the same in every process."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import pytest_collection_modifyitems


def item(nodeid: str) -> Any:
    """A collected test, as far as its id goes."""
    return SimpleNamespace(nodeid=nodeid)


def test_an_id_with_an_address_is_refused() -> None:
    """With the id, so that its case can be found."""
    with pytest.raises(pytest.UsageError, match="test_it"):
        pytest_collection_modifyitems([item("tests/a.py::test_it[<function f at 0x7f12a4c0de10>]")])


def test_other_ids_are_left_alone() -> None:
    """Also those with a number in base 16."""
    pytest_collection_modifyitems([item("tests/a.py::test_it[0x1F]"), item("tests/a.py::test_that[a-1]")])
