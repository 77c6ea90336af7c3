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
from pathlib import Path

from perago_dev import environment
from perago_dev.environment import DEFAULT_NAME
from tests.hostile.canaries import Searcher
from tests.hostile.cases import Case, Escape, escapes
from tests.hostile.defences import DEFENCES, Defence, clear, put_back, without
from tests.hostile.logs import followed_logs
from tests.hostile.places import places
from tests.hostile.scene import Scene
from tests.hostile.scenes import ALL
from tests.hostile.stage import Stage, prepare

SKIPPED = (
    "what NetworkPolicies keep apart (metadata services, pods, node ports, foreign DNS): the network plug-in of this "
    "environment enforces none"
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("words", nargs="?", default="", help="scenes; default: all")
    parser.add_argument("--without", default="", help="defences to take away; default: each in turn")
    parser.add_argument("--list", action="store_true", help="list cases and defences, and do nothing")
    return parser.parse_args()


def main() -> int:
    """Play the scenes, take the defences away in turn, look for the canaries; 0 when all is as it must be."""
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
    prepare(stage)
    with followed_logs(stage, folder / "logs"):
        found = _play(stage, scenes, folder / "seen.txt")
        searched = _search(stage, folder / "logs")
        unnoticed = _take_away(stage, defences)
    return _sum_up([case for scene in scenes for case in scene.cases], found, unnoticed, searched)


def _is_meant(words: str, name: str) -> bool:
    return any(word in name for word in words.split(","))


def _list(scenes: Sequence[Scene], defences: Sequence[Defence]) -> None:
    for scene in scenes:
        for case in scene.cases:
            print(f"{scene.name}: {case.name} ({case.attacker}): {case.want}")
    for defence in defences:
        print(f"without {defence.name}: {defence.scene.name}")


def _play(stage: Stage, scenes: Sequence[Scene], file: Path) -> list[Escape]:
    """Begin all scenes, then look at each; what was seen goes into the file."""
    waiting = [(scene, scene.begin(stage)) for scene in scenes]
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


def _search(stage: Stage, logs: Path) -> tuple[int, int, int]:
    """How many secrets were searched for, in how many places, and how many were found."""
    count, finds = Searcher(stage.canaries).search_all(places(stage, logs))
    followed = len(list(logs.glob("*.log")))
    if not followed:
        raise RuntimeError(f"no log of a container was followed into {logs}: the search would have missed them")
    for find in finds:
        print(f"FOUND {find}", flush=True)
    return len(stage.canaries), count, len(finds)


def _take_away(stage: Stage, defences: Sequence[Defence]) -> int:
    """How many defences can be taken away without a case that notices."""
    unnoticed = 0
    try:
        for defence in defences:
            noticed = without(stage, defence)
            unnoticed += not noticed
            names = ", ".join(escape.case.name for escape in noticed)
            print(
                f"without {defence.name}: {len(noticed)} escapes: {names}" if noticed else _silent(defence), flush=True
            )
    finally:
        if defences:
            put_back(stage)
            clear(stage)
    return unnoticed


def _silent(defence: Defence) -> str:
    return f"UNNOTICED: without {defence.name}, no case of {defence.scene.name} escapes"


def _sum_up(cases: Sequence[Case], found: Sequence[Escape], unnoticed: int, searched: tuple[int, int, int]) -> int:
    secrets, count, finds = searched
    print(f"skipped: {SKIPPED}")
    print(f"canaries: {secrets} searched in {count} places, found: {finds}")
    print(f"hostile cases: {len(cases)}, escapes: {len(found)}")
    return 1 if found or unnoticed or finds else 0


if __name__ == "__main__":
    sys.exit(main())
