"""`perago lakefs sweep`, as far as it can be judged without servers: its options."""

import pytest

from perago.cli import main
from perago.cli.lakefs.sweep import seconds_of
from perago.cli.output import Misused

TIMES = {"0s": 0, "90s": 90, "90m": 5400, "24h": 86400, "7d": 604800}


@pytest.mark.parametrize(("text", "seconds"), TIMES.items())
def test_an_age_has_a_unit(text: str, seconds: float) -> None:
    """Seconds, minutes, hours or days."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "24", "h", "1.5h", "-1h", "24 h", "24h ", "24h\n", "1w", "٣h"])
def test_another_age_is_refused(text: str) -> None:
    """The message quotes it."""
    with pytest.raises(Misused, match="--older-than must be a time such as"):
        seconds_of(text)


WRONG = {
    "no installation": ("-A",),
    "nothing about the cluster": ("--installation", "x"),
    "two namespaces": ("--installation", "x", "-A", "-n", "jobs"),
}


@pytest.mark.parametrize("options", WRONG.values(), ids=WRONG)
def test_what_decides_over_branches_must_be_said(options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Whose they are, and where their attempts are looked for: a wrong guess would delete somebody's work."""
    with pytest.raises(SystemExit) as ended:
        main(["lakefs", "sweep", "weather", *options])
    assert ended.value.code == 2
    capsys.readouterr()
