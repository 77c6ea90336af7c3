"""Resident memory of a process in a pod, as the kernel reports it."""

from tests.kubectl import Kubectl

_PROBE = "print(next(line.split()[1] for line in open('/proc/1/status') if line.startswith('VmHWM')))"


def resident_mib(cluster: Kubectl, pod: str, container: str) -> float:
    """Peak resident memory (VmHWM) of a container's first process, in MiB."""
    kib = cluster("exec", pod, "-c", container, "--", "python", "-c", _PROBE)
    return round(int(kib) / 1024, 1)
