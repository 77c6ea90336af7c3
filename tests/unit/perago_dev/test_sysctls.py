"""Kernel settings of the whole host: remembered before, put back after."""

from pathlib import Path

import pytest

from perago_dev import sysctls


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sysctls, "SYSCTLS", tmp_path / "sys")
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
    """A setting that is as it was, or that this kernel lacks, is left alone."""
    before = {"kernel/panic": "1", "vm/panic_on_oom": "0", "kernel/panic_on_oops": "0"}
    assert sysctls.changed(before, {"kernel/panic": "10", "vm/panic_on_oom": "0"}) == {"kernel/panic": "1"}
