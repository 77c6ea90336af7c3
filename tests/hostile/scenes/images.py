"""What a hostile image does: nothing of Perago's runs in the task container."""

from collections.abc import Callable

from tests.hostile.cases import Attacker, of
from tests.hostile.scene import Scene, Seen, followed, result_of
from tests.hostile.stage import Stage

CASES = of(
    Attacker.IMAGE,
    {
        "image: its first connection": "refused.*not a call of protocol",
        "image: two connections at once": "^(hung up|Connection reset by peer|Broken pipe)$",
        "image: what it is told": "^attempt exclude executionId failureReasonMaxLength input module workspaceRoot$",
        "image: its user": r"^65532 65532 65532 \[65532\]$",
        "image: its capabilities": "^0+$",
        "image: a program that becomes root": "Permission denied",
        "image: become root": "^Operation not permitted$",
        "image: write itself": "^(Read-only file system|Permission denied)$",
        "image: keys of its own": "^empty$",
        "image: a third connection": "^No such file or directory$",
    },
)


def _begin(stage: Stage) -> Callable[[], Seen]:
    code = {"module": "misbehaves", "image": stage.evil_image}
    made = [stage.attempt("image", "misbehaves", task=code, activeDeadlineSeconds=120)]
    stage.make(*made)
    return lambda: dict(result_of(followed(stage, made)["image"]))


IMAGES = Scene("images", CASES, _begin)
