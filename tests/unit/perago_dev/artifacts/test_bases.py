"""The base image: what does not belong in it, and for which architectures it can be made."""

import platform
from pathlib import Path

import pytest

from perago_dev.artifacts import bases

SHADOW = "root:*:20000:0:99999:7:::\nnobody:!:20783:0:99999:7:::\n"


def test_nothing_of_this_machine_stays(tmp_path: Path) -> None:
    """Neither its name and its resolver, nor the day: two base images of the same packages are the same."""
    for name in ("dev/null", *bases.OF_THIS_MACHINE):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("machine")
    for name in ("shadow", "shadow-"):
        (tmp_path / "etc" / name).write_text(SHADOW)
    bases.forget_this_machine(tmp_path, 86_400 * 12_345 + 1)
    left = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file())
    assert left == ["etc/shadow", "etc/shadow-"]
    aged = "root:*:12345:0:99999:7:::\nnobody:!:12345:0:99999:7:::\n"
    assert {file.read_text() for file in (tmp_path / "etc").iterdir()} == {aged}


@pytest.mark.parametrize(
    ("machine", "registered", "expected"),
    [
        ("x86_64", {}, ("amd64",)),
        ("x86_64", {"qemu-aarch64": "enabled\ninterpreter /usr/bin/qemu"}, ("amd64", "arm64")),
        ("aarch64", {"qemu-x86_64": "enabled\n"}, ("arm64", "amd64")),
        ("x86_64", {"qemu-aarch64": "disabled\n", "qemu-riscv64": "enabled\n"}, ("amd64",)),
    ],
)
def test_images_are_made_for_what_this_machine_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, registered: dict[str, str], expected: tuple[str, ...]
) -> None:
    """Its own architecture, and that of the other one whose programs Linux hands to QEMU."""
    for name, text in registered.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(bases, "FORMATS", tmp_path)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert bases.architectures() == expected
