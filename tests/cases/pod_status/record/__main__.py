"""`python -m tests.cases.pod_status.record [--name NAME] [WORD…]`: records all situations, or those that a word names.

It needs an environment with one worker (`python -m perago_dev up --name NAME --workers 1`), of which it stops the
kubelet, fills the disk and breaks the runtime: nothing else should use that environment meanwhile.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from perago_dev import environment
from perago_dev.errors import CommandFailed
from tests.cases.pod_status.record import refused
from tests.cases.pod_status.record.normal import changes, normal
from tests.cases.pod_status.record.situation import Object, Refusal, Situation, nothing
from tests.cases.pod_status.record.situations import REFUSALS, SITUATIONS
from tests.cases.pod_status.record.situations.images import registry
from tests.cases.pod_status.record.stage import Stage, staged

FOLDER = Path(__file__).parents[1] / "recorded"
AT_ONCE = 6


def main(words: Sequence[str], name: str) -> int:
    """Record; 0 when every situation came about."""
    situations = [situation for situation in SITUATIONS if _is_meant(situation.name, words)]
    refusals = [refusal for refusal in REFUSALS if _is_meant(refusal.name, words)]
    with staged(environment.load(name)) as stage, ExitStack() as stack:
        if any(situation.name.startswith("image_") for situation in situations):
            stack.enter_context(registry(stage))
        recorder = Recorder(stage)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(recorder.record, [situation for situation in situations if not situation.alone]))
        rest: list[Situation | Refusal] = [situation for situation in situations if situation.alone]
        for case in [*rest, *refusals]:
            recorder.record(case)
    count = len(situations) + len(refusals)
    _say("\n".join([*recorder.failures, f"recorded: {count - len(recorder.failures)} of {count}"]))
    return 1 if recorder.failures else 0


class Recorder:
    """Brings situations about and writes what they show."""

    def __init__(self, stage: Stage) -> None:
        self.failures: list[str] = []
        """A line for each situation that did not come about."""
        self._stage = stage
        self._version = str(stage.api.answer("GET", "/version")["gitVersion"])

    def record(self, case: Situation | Refusal) -> None:
        """Write one file, or note why there is none."""
        began = time.monotonic()
        try:
            seen = refused.recorded(self._stage, case) if isinstance(case, Refusal) else recorded(self._stage, case)
            _write(case.name, {"story": case.story, "kubernetes": self._version, **seen})
        except (CommandFailed, RuntimeError, TimeoutError) as error:
            self.failures.append(f"{case.name}: {error}")
        _say(f"{case.name}: {time.monotonic() - began:.0f} s")


def recorded(stage: Stage, situation: Situation) -> Object:
    """The pod in its situation, and on the way there where that matters."""
    name = situation.name.replace("_", "-")
    with situation.cluster(stage):
        attempt = stage.attempt(name, situation.code, situation.spec, stage.filled(situation.template))
        try:
            stage.create("pods", stage.manifest(attempt, situation.settings))
            pod = f"{name}-1"
            if situation.act is not nothing:
                situation.act(stage, stage.pods.until(pod, situation.when, situation.seconds))
            stage.pods.until(pod, situation.until, situation.seconds)
            states = [normal(state, stage.names) for state in stage.pods.states(pod)]
        finally:
            stage.remove_attempts([name])
    way = list(changes(states))
    return {"way": way[:-1], "pod": way[-1]} if situation.sequence else {"pod": way[-1]}


def _write(name: str, case: Object) -> None:
    """One file for each situation."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")


def _is_meant(name: str, words: Sequence[str]) -> bool:
    return not words or any(word in name for word in words)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.cases.pod_status.record", description=__doc__)
    parser.add_argument("--name", default=environment.DEFAULT_NAME, help="of the environment; default: %(default)s")
    parser.add_argument("words", nargs="*", metavar="WORD")
    options = parser.parse_args()
    sys.exit(main(options.words, options.name))
