"""`perago_dev.state`: what an environment's folder remembers."""

from pathlib import Path

import pytest

from perago_dev import state
from perago_dev.down import down
from perago_dev.errors import EnvironmentProblem


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an environment that was begun with the cache `one`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PERAGO_CACHE", str(tmp_path / "one"))
    with state.hold("e") as folder:
        state.begin(folder)
    return folder


def test_an_environment_is_held_again_with_its_cache(begun: Path) -> None:
    """The usual case."""
    with state.hold("e") as folder:
        assert folder == begun


def test_an_environment_of_another_cache_is_not_taken_down(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its containers would stay, with nothing left that names them."""
    monkeypatch.setenv("PERAGO_CACHE", str(tmp_path / "two"))
    with pytest.raises(EnvironmentProblem, match=f"PERAGO_CACHE={tmp_path / 'one'}"):
        down("e")
    assert begun.exists()
