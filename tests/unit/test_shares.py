"""The division of all tests over the workers of one run."""

from pathlib import Path

import pytest

from tests.shares import SHARES, has_part_in, share_of

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/test_*.py"))


def test_every_share_has_modules() -> None:
    """A share whose path does not exist any more would be a worker without work."""
    assert {share_of(module) for module in MODULES} == set(SHARES)
    assert [path for paths in SHARES.values() for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("share", SHARES)
def test_a_worker_enters_every_folder_above_its_modules(share: str) -> None:
    """Otherwise it would not collect them, and nobody else would."""
    folders = {folder.as_posix() for module in MODULES if share_of(module) == share for folder in Path(module).parents}
    assert [folder for folder in folders if not has_part_in(folder, share)] == []


@pytest.mark.parametrize(
    ("folder", "share"), [("tests/unit", "lakefs"), ("tests/contract/lakefs", "runner"), ("tests/unit/docs", "runner")]
)
def test_a_worker_leaves_folders_out_that_hold_nothing_of_its_share(folder: str, share: str) -> None:
    """What it does not enter, it need not import."""
    assert not has_part_in(folder, share)


def test_a_module_belongs_to_the_longest_path() -> None:
    """The long end-to-end modules are no part of the other ones."""
    assert share_of("tests/e2e/test_demo.py") == "demo"
    assert share_of("tests/e2e/test_results.py") == "e2e"
    assert share_of("tests/unit/test_ids.py") == "operator"
