"""`python -m tests.hostile [WORDS] [--without WORDS | --without none] [--list]`: see `tests.hostile`.

The environment that PERAGO_ENV names must be up. WORDS choose scenes whose name contains one of them (separated by
commas), and the words after `--without` the defences that are taken away afterwards; without any, all are. What was
seen of the cases, and the logs that were searched for the run's secrets, stay in a folder that the run names.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from perago_dev import environment
from perago_dev.environment import DEFAULT_NAME
from tests.hostile.canaries import Searcher
from tests.hostile.cases import Case, Escape, escapes
from tests.hostile.defences import DEFENCES, Defence, put_back, without_all
from tests.hostile.dumps import crash, dumps
from tests.hostile.images import image_files
from tests.hostile.logs import followed_logs
from tests.hostile.places import places
from tests.hostile.releases import prepare
from tests.hostile.scene import Scene
from tests.hostile.scenes import ALL
from tests.hostile.sites import Site
from tests.hostile.stage import Stage

SKIPPED = (
    "what NetworkPolicies keep apart (metadata services, pods, node ports, foreign DNS): the network plug-in of this "
    "environment enforces none"
)
BUILT = ("lakeFS access key", "lakeFS secret key", "a file beside the sources")
"""The secrets that existed when the images were built."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("words", nargs="?", default="", help="scenes; default: all")
    parser.add_argument("--without", default="", help="defences to take away; default: all, each on its own")
    parser.add_argument("--list", action="store_true", help="list cases and defences, and do nothing")
    return parser.parse_args()


def main() -> int:
    """Play the scenes, look for the canaries, take the defences away; 0 when all is as it must be."""
    given = _arguments()
    scenes = [scene for scene in ALL if _is_meant(given.words, scene.name)]
    defences = [defence for defence in DEFENCES if _is_meant(given.without, defence.name)]
    if given.list:
        _list(scenes, defences)
        return 0
    env = environment.load(os.environ.get("PERAGO_ENV", DEFAULT_NAME))
    stage = Stage(env, f"hostile-{int(time.time()):x}")
    folder = env.state_dir / "hostile" / stage.run
    (folder / "logs").mkdir(parents=True)
    print(f"run {stage.run}, files in {folder}", flush=True)
    begin = time.monotonic()
    put_back(stage)
    prepare(stage, [defence.removed for defence in defences if isinstance(defence.removed, Site)])
    print(f"installed, {_since(begin)}", flush=True)
    with followed_logs(stage, folder / "logs"):
        found = _play(stage, scenes, folder / "seen.txt")
        print(f"all scenes played, {_since(begin)}", flush=True)
        searched = _search(stage, folder)
        print(f"searched for secrets, {_since(begin)}", flush=True)
    unnoticed = _take_away(stage, defences)
    print(f"all over, {_since(begin)}", flush=True)
    return _sum_up([case for scene in scenes for case in scene.cases], found, (len(defences), unnoticed), searched)


def _is_meant(words: str, name: str) -> bool:
    return any(word in name for word in words.split(","))


def _since(begin: float) -> str:
    return f"{time.monotonic() - begin:.0f} s after the start"


def _list(scenes: Sequence[Scene], defences: Sequence[Defence]) -> None:
    for scene in scenes:
        for case in scene.cases:
            print(f"{scene.name}: {case.name} ({case.attacker}): {case.want}")
    for defence in defences:
        print(f"without {defence.name}: {defence.shown_by}")


def _play(stage: Stage, scenes: Sequence[Scene], file: Path) -> list[Escape]:
    """Begin all scenes, then look at each; what was seen goes into the file."""
    waiting = [(scene, scene.begun(stage.at(scene.site))) for scene in scenes]
    found = list[Escape]()
    for scene, wait in waiting:
        seen = wait()
        with file.open("a") as out:
            out.writelines(f"{scene.name}: {name}: {text!r}\n" for name, text in seen.items())
        mine = escapes(scene.cases, seen)
        print(f"{scene.name}: {len(scene.cases)} cases, escapes: {len(mine)}", flush=True)
        for escape in mine:
            print(f"ESCAPE {escape}", flush=True)
        found += mine
    return found


def _search(stage: Stage, folder: Path) -> tuple[int, int, int]:
    """How many secrets were searched for, in how many places, and how many were found."""
    beside = stage.planted("a file beside the sources")
    crashed, dumped = crash(stage), list(dumps(stage))
    left = chain(places(stage, folder / "logs"), dumped)
    count, finds = Searcher(stage.canaries).search_all(left)
    built = Searcher({what: stage.canaries[what] for what in BUILT})
    files, found = built.search_all(image_files(folder, beside, (stage.env.operator_image, stage.env.runner_image)))
    print(f"crashed: {', '.join(crashed)}; left: {', '.join(place for place, _ in dumped) or 'no dump'}", flush=True)
    print(f"files in the layers of the images: {files}", flush=True)
    if not list((folder / "logs").glob("*.log")):
        raise RuntimeError(f"no log of a container was followed into {folder}: the search would have missed them")
    for find in (finds := finds + found):
        print(f"FOUND {find}", flush=True)
    return len(stage.canaries), count + files, len(finds)


def _take_away(stage: Stage, defences: Sequence[Defence]) -> int:
    """How many defences can be taken away without the case noticing that decides."""
    unnoticed = 0
    for defence, noticed in without_all(stage, defences):
        unnoticed += not noticed
        print(_told(defence, noticed), flush=True)
    return unnoticed


def _told(defence: Defence, noticed: Sequence[Escape]) -> str:
    if not noticed:
        return f"UNNOTICED: without {defence.name}, {defence.shown_by!r} does not escape"
    first, *others = noticed
    more = f", and {len(others)} more: {', '.join(escape.case.name for escape in others)}" if others else ""
    return f"without {defence.name}: {first.case.name} ({first.seen[:80]!r}){more}"


def _sum_up(
    cases: Sequence[Case], found: Sequence[Escape], defences: tuple[int, int], searched: tuple[int, int, int]
) -> int:
    secrets, count, finds = searched
    away, unnoticed = defences
    print(f"skipped: {SKIPPED}")
    print(f"defences taken away: {away}, unnoticed: {unnoticed}")
    print(f"canaries: {secrets} searched in {count} places, found: {finds}")
    print(f"hostile cases: {len(cases)}, escapes: {len(found)}")
    return 1 if found or unnoticed or finds else 0


if __name__ == "__main__":
    sys.exit(main())
