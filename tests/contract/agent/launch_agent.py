"""Runs the agent with the mounts of a test: `launch_agent.py ORDER MOUNTS`, both JSON."""

import json
import os
import sys
from pathlib import Path

from perago.agent.__main__ import serve
from perago.agent.listen import listen
from perago.agent.mounts import Mounts

order, given = sys.argv[1], json.loads(sys.argv[2])
mounts = Mounts(
    workspace=Path(given["workspace"]),
    socket=Path(given["socket"]),
    lakefs=Path(given["lakefs"]),
    conductor=Path(given["conductor"]),
    cluster=Path(given["cluster"]),
    node_cache=Path(given.get("node_cache", "/nonexistent")),
    api_server=given["api_server"],
    peer=tuple(given.get("peer", (os.getuid(), os.getgid()))),
)
sys.exit(serve(order, mounts, listen(str(mounts.socket))))
