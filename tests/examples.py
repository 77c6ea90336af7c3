"""How many examples the longest property tests try: all of them in CI, where PERAGO_EXAMPLES is `all`."""

import os

SHARE = 1.0 if os.environ.get("PERAGO_EXAMPLES") == "all" else 0.4


def examples(count: int) -> int:
    """So many in CI, and two fifths elsewhere; they begin with the same ones, as the tests are derandomised."""
    return int(count * SHARE)
