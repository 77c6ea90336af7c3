"""The fence's hook file: what it says, and what a file at its place is."""

import hashlib

import pytest
import yaml

from perago.fence_hook import ACTION, PATH, VERSION, Standing, standing_of, version_of
from perago.wire import metadata_keys

KNOWN = {1: "318a328b"}
"""The beginning of each version's SHA-256: a changed text needs a new number, or it is never installed."""


def test_the_file_is_an_action_of_lakefs() -> None:
    """lakeFS reads YAML files of one folder, and a file that is not YAML would stop every commit."""
    action = yaml.safe_load(ACTION)
    assert PATH.startswith("_lakefs_actions/")
    assert PATH.endswith(".yaml")
    assert action[True] == {"pre-merge": {"branches": []}}  # PyYAML takes `on` for a boolean
    assert [hook["type"] for hook in action["hooks"]] == ["lua"]


def test_the_hook_reads_the_key_that_publications_carry() -> None:
    """A script that looked for another key would let everything pass."""
    assert f'metadata["{metadata_keys.INPUT_REF}"]' in yaml.safe_load(ACTION)["hooks"][0]["properties"]["script"]


def test_a_changed_text_has_a_new_version() -> None:
    """Repositories that have the former text are updated by its number alone."""
    assert hashlib.sha256(ACTION.encode()).hexdigest().startswith(KNOWN[VERSION])
    assert version_of(ACTION) == VERSION


STANDINGS = {
    "no file": (None, Standing.ABSENT),
    "ours": (ACTION, Standing.CURRENT),
    "an older version": ("# perago-fence: 0\n", Standing.FOREIGN),
    "a newer version": (f"# perago-fence: {VERSION + 1}\n…", Standing.NEWER),
    "edited": (ACTION + "# mine\n", Standing.EDITED),
    "line ends of Windows": (ACTION.replace("\n", "\r\n"), Standing.EDITED),
    "somebody else's": ("name: perago-fence\n", Standing.FOREIGN),
    "a version line further down": (f"name: x\n# perago-fence: {VERSION}\n", Standing.FOREIGN),
    "a version that is no number": ("# perago-fence: one\n", Standing.FOREIGN),
    "an empty file": ("", Standing.FOREIGN),
}


@pytest.mark.parametrize(("content", "standing"), STANDINGS.values(), ids=STANDINGS)
def test_what_a_file_is(content: str | None, standing: Standing) -> None:
    """Told by its first line, and by its text where the version is this one."""
    assert standing_of(content) is standing


def test_an_older_version_is_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its text."""
    monkeypatch.setattr("perago.fence_hook.VERSION", VERSION + 1)
    assert standing_of(ACTION) is Standing.OLDER


def test_only_our_own_text_is_said_to_fence() -> None:
    """Other versions of ours do as well; what was edited may do anything."""
    assert {standing for standing in Standing if standing.fences} == {Standing.CURRENT, Standing.OLDER, Standing.NEWER}
