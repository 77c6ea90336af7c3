"""Records the kernel settings that kubelet and kube-proxy change for the whole host, and restores them.

They are recorded before the first environment is created and restored after the last one is removed. Only root can
restore them, so nothing is recorded for other users, who run the nodes on Docker.
"""

import json
import os
from pathlib import Path

from perago_dev.environment import states_root
from perago_dev.errors import EnvironmentProblem

NAMES = (
    *("kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys"),
    *("vm/overcommit_memory", "vm/panic_on_oom"),
    *("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv4/conf/default/forwarding"),
    *("net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/forwarding"),
    *("net/ipv4/conf/all/route_localnet", "net/bridge/bridge-nf-call-iptables"),
    *("net/netfilter/nf_conntrack_max", "net/netfilter/nf_conntrack_tcp_timeout_established"),
    *("net/netfilter/nf_conntrack_tcp_timeout_close_wait", "net/netfilter/nf_conntrack_tcp_be_liberal"),
)
SYSCTLS = Path("/proc/sys")


def _record_file() -> Path:
    return states_root() / ".sysctls.json"


def read() -> dict[str, str]:
    """The current values of those settings that this kernel has."""
    return {name: (SYSCTLS / name).read_text().strip() for name in NAMES if (SYSCTLS / name).exists()}


def changed(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """The values to restore, in the order of NAMES: a general setting comes before those that it changes."""
    return {name: before[name] for name in NAMES if name in before and name in now and now[name] != before[name]}


def record() -> None:
    """As root, record the current values unless an earlier environment has done so."""
    file = _record_file()
    if os.geteuid() == 0 and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(read()))
        unfinished.rename(file)


def restore() -> None:
    """Restore the recorded values and remove the record; does nothing if there is no record.

    Raises EnvironmentProblem, and keeps the record, if the user may not change the settings.
    """
    file = _record_file()
    if not file.exists():
        return
    for name, value in changed(json.loads(file.read_text()), read()).items():
        try:
            (SYSCTLS / name).write_text(value)
        except PermissionError:
            raise EnvironmentProblem(
                f"the kernel setting {name.replace('/', '.')} could not be set back to {value!r}: an environment that "
                "root brought up changed it; run the same command as root"
            ) from None
    file.unlink()
