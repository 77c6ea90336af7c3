"""The scenes: what is done by one attacker, and what is seen of it, by the names of the cases."""

from tests.hostile.scene import Scene
from tests.hostile.scenes.attempts import AUTHORED, MADE, SECOND_LINE
from tests.hostile.scenes.bare import UNGUARDED
from tests.hostile.scenes.bodies import CALLS, ENDINGS, OUTCOMES, PROBES
from tests.hostile.scenes.images import IMAGES
from tests.hostile.scenes.people import PEOPLE
from tests.hostile.scenes.repositories import LISTS, PUBLICATIONS, REPOSITORIES
from tests.hostile.scenes.tokens import TOKENS

ALL: tuple[Scene, ...] = (
    PEOPLE,
    TOKENS,
    PROBES,
    CALLS,
    ENDINGS,
    OUTCOMES,
    IMAGES,
    REPOSITORIES,
    PUBLICATIONS,
    LISTS,
    AUTHORED,
    UNGUARDED,
    SECOND_LINE,
    MADE,
)
"""Every scene; the last one fills the operator with large attempts."""
