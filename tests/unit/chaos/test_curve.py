"""What a curve shows, and when it counts as flat."""

from tests.chaos.curve import WIDTH, Series


def series(*values: float, slack: float = 1.0) -> Series:
    """Samples of something."""
    return Series("memory MiB", values, slack)


def test_a_line_shows_the_extremes() -> None:
    """The least and the greatest value frame the curve."""
    line = series(1.0, 2.0, 8.0).line()
    assert line.split()[-3:] == ["1.0", "▁▂█", "8.0"]


def test_a_long_series_is_thinned_and_keeps_its_peak() -> None:
    """A single high value among a thousand is still there."""
    line = series(*[1.0] * 500, 9.0, *[1.0] * 499).line()
    assert line.count("█") == 1
    assert line.count("▁") == WIDTH - 1


def test_what_warms_up_and_stays_is_flat() -> None:
    """Only the growth after the first quarter counts."""
    assert series(*[10.0] * 10, *[60.0] * 30).is_flat


def test_steady_growth_is_not_flat() -> None:
    """A leak of one unit a sample is noticed."""
    assert not series(*[50.0 + sample for sample in range(40)]).is_flat


def test_a_small_absolute_growth_says_nothing() -> None:
    """Two connections more on five are more than the share, and less than the slack."""
    values = [*[5.0] * 20, *[7.0] * 20]
    assert series(*values, slack=2.0).is_flat
    assert not series(*values, slack=1.0).is_flat


def test_a_run_that_is_too_short_shows_nothing() -> None:
    """It is not called flat."""
    assert not series(1.0, 1.0, 1.0).is_flat
