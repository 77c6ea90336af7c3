"""Kernel settings of the whole host: remembered before, put back after."""

from pathlib import Path

import pytest

from perago_dev.down import down
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import sysctls


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sysctls, "SYSCTLS", tmp_path / "sys")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for name, value in {"kernel/panic": "1", "vm/overcommit_memory": "0"}.items():
        file = tmp_path / "sys" / name
        file.parent.mkdir(parents=True)
        file.write_text(value)
    return tmp_path / "sys"


def test_changed_settings_are_put_back(kernel: Path) -> None:
    """What the kubelet changed has its old value again, and the record is gone."""
    sysctls.record()
    (kernel / "kernel/panic").write_text("10")
    sysctls.restore()
    assert (kernel / "kernel/panic").read_text() == "1"
    sysctls.restore()


def test_second_environment_does_not_record_changed_values(kernel: Path) -> None:
    """The values from before the first environment are the ones that come back."""
    sysctls.record()
    (kernel / "vm/overcommit_memory").write_text("1")
    sysctls.record()
    sysctls.restore()
    assert (kernel / "vm/overcommit_memory").read_text() == "0"


def test_only_changed_settings_are_written() -> None:
    """A setting that has not changed, or that this kernel does not have, is left alone."""
    before = {"kernel/panic": "1", "vm/panic_on_oom": "0", "kernel/panic_on_oops": "0"}
    assert sysctls.changed(before, {"kernel/panic": "10", "vm/panic_on_oom": "0"}) == {"kernel/panic": "1"}


def test_nothing_is_recorded_for_a_user_who_cannot_restore_it(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Docker without root the settings stay as the nodes left them, and `down` writes none."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    sysctls.record()
    (kernel / "kernel/panic").write_text("10")
    sysctls.restore()
    assert (kernel / "kernel/panic").read_text() == "10"


def test_settings_that_may_not_be_changed_are_named_and_kept(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of root's is a problem that says what to do, not a traceback, and another `down` as root restores it."""
    sysctls.record()
    (kernel / "kernel/panic").write_text("10")
    with monkeypatch.context() as patches:
        patches.setattr(Path, "write_text", _refused)
        with pytest.raises(EnvironmentProblem, match=r"kernel.panic .* '1'.* as root"):
            sysctls.restore()
    down("never-up")
    assert (kernel / "kernel/panic").read_text() == "1"


def _refused(path: Path, text: str) -> int:
    raise PermissionError(path)
