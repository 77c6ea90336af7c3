"""What Perago adds to an interpreter's start: the import with a declared task, and the task side until the body runs.

Run `python -m bench.start [--count 15] [--image REFERENCE]`. With an image, it measures in a container of the
environment's podman. Baselines from the same run: the bare interpreter, and pydantic with the two models that every
task declares. The cases take turns, so that a busy moment affects all of them. The last line is JSON, with medians in
seconds.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import Any

from perago import wire
from perago.workspace.manifest import ManifestWriter

MODELS = """
from pathlib import Path
from pydantic import BaseModel
class Params(BaseModel):
    station: str
    days: int = 3
class Result(BaseModel):
    began: float
"""
TASK = f"""
import time
import perago
{MODELS}
@perago.task(name="start", owner_email="bench@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def start(workspace: Path, params: Params) -> Result:
    return Result(began=time.time())
"""
CODE = {"bare": "", "models": MODELS, "declaration": TASK}
TASK_SIDE = "import sys; from perago.taskside.__main__ import main; sys.exit(main(sys.argv[1]))"
"""`python -m perago.taskside` with a socket of this benchmark."""
IN_CONTAINER = ("--network=none", "--rm", "--read-only", "--tmpfs=/tmp", "--env=PYTHONPATH=/bench", "--workdir=/bench")

REF = "0" * 64
ASSIGNMENT = {
    "module": "started_task",
    "input": {
        "workspace": {"repository": "r", "branch": "main", "refType": "commit", "ref": REF},
        "params": {"station": "north"},
    },
    "attempt": {
        "taskType": "start",
        "workflowInstanceId": "w",
        "taskId": "t",
        "referenceTaskName": "s",
        "seq": 1,
        "status": "IN_PROGRESS",
    },
    "executionId": "e",
    "failureReasonMaxLength": 500,
}


class Agent:
    """The other end of a read-only task's socket, which answers at once and transfers nothing."""

    def __init__(self, work: Path) -> None:
        self.path = str(work / "agent.sock")
        manifest = work / "manifest"
        with ManifestWriter(manifest):
            pass
        self._answers: dict[str, wire.WireModel] = {
            "hello": wire.Assignment.model_validate(ASSIGNMENT | {"workspaceRoot": str(work)}),
            "download": wire.Downloaded(manifest_path=str(manifest), changes_path=str(manifest.with_name("changes"))),
            "result": wire.Done(),
        }
        self.last: dict[str, Any] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()

    def serve(self) -> None:
        """Serve one task side until it hangs up, and keep its result."""
        connection, _ = self._listener.accept()
        with connection:
            while header := connection.recv(4, socket.MSG_WAITALL):
                call = wire.decode_frame(connection.recv(wire.frame_length(header), socket.MSG_WAITALL))
                self.last = call
                connection.sendall(wire.encode_frame(wire.answer(self._answers[call["call"]])))


def seconds_of(code: str) -> float:
    """Seconds of an interpreter that runs the code, from its start to its end."""
    started = time.time()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.time() - started


def seconds_to_body() -> float:
    """Seconds from the task side's start until its body runs. Raises SystemExit if the body did not run."""
    with tempfile.TemporaryDirectory(prefix="perago-bench-") as place:
        Path(place, "started_task.py").write_text(TASK)
        agent = Agent(Path(place))
        serving = Thread(target=agent.serve)
        serving.start()
        started = time.time()
        environment = os.environ | {"PYTHONPATH": place}
        subprocess.run([sys.executable, "-c", TASK_SIDE, agent.path], env=environment, check=True)
        serving.join()
    if agent.last["status"] != "COMPLETED":
        raise SystemExit(f"the task side did not complete: {agent.last}")
    began: float = agent.last["output"]["result"]["began"]
    return began - started


def one_turn() -> dict[str, float]:
    """Seconds of each case, once."""
    return {name: seconds_of(code) for name, code in CODE.items()} | {"body": seconds_to_body()}


def measure(count: int) -> dict[str, dict[str, float]]:
    """The cases' medians over `count` turns, after one turn that warms the caches."""
    turns = [one_turn() for _ in range(count + 1)][1:]
    of = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    return {
        "import_and_declaration": compared(of["declaration"] - of["bare"], of["models"] - of["bare"]),
        "task_side_to_body": compared(of["body"], of["models"]),
    }


def compared(seconds: float, baseline: float) -> dict[str, float]:
    """The figures of one case."""
    figures = {"seconds": seconds, "baseline_seconds": baseline, "ratio": seconds / baseline}
    return {name: round(figure, 3) for name, figure in figures.items()}


def in_image(image: str, count: int) -> int:
    """Run this benchmark in a container of the image, with the interpreter that attempts have there."""
    from perago_dev.host import podman

    mounted = f"--volume={Path(__file__).parent}:/bench/bench:ro"
    command = ["podman", "run", *IN_CONTAINER, mounted, image, "python", "-m", "bench.start", "--count", str(count)]
    return subprocess.run(command, env=os.environ | podman.environment(), check=False).returncode


def main() -> int:
    """Print the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=15, help="number of turns to measure")
    parser.add_argument("--image", help="measure in a container of this image")
    options = parser.parse_args()
    if options.image:
        return in_image(options.image, options.count)
    sys.stdout.write(json.dumps({"bench": "start", "case": measure(options.count)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
