"""The demo: what the README claims, shown and checked in the environment that is up."""

import pytest

from perago_dev.demo import claims
from perago_dev.demo.steps import play
from perago_dev.demo.story import Story
from tests.e2e.installation import Installation

pytestmark = pytest.mark.cluster


@pytest.mark.timeout(600)  # it also builds the example's image
def test_the_demo_holds_what_the_readme_claims(installation: Installation) -> None:
    """Every step ends well, and each of the four claims is one of them."""
    story = Story()
    play(installation.env.name, story)
    steps = [row.step for row in story.rows]
    assert [step for step in steps if step in claims.CLAIMS] == list(claims.CLAIMS)
    assert steps[-1] == "no key is visible"
