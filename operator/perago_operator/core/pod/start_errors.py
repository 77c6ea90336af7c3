"""Whose fault it is that the runtime could not start a container, by the runtime's words. Pure.

The words are those of runc and containerd, as `tests/cases/pod_status/recorded` has them. The first list that matches
decides; words that stand in no list are nobody's, and the reader is told so.
"""

import re
from enum import StrEnum


class Blame(StrEnum):
    """Where the reason lies."""

    DECLARED = "Declared"
    """In what was declared: image, command, mounts, limits. It fails in the same way everywhere."""
    NODE = "Node"
    """In the node: another one, or the same one later, may do better."""
    UNKNOWN = "Unknown"
    """Perago does not know the words."""


START_ERRORS = frozenset({"StartError", "ContainerCannotRun", "RunContainerError"})
"""Reasons of a container that has ended because its process could not be started."""

_DECLARED = re.compile(
    r"""exec:\s".*":\s(?:executable\sfile\snot\sfound|stat\s\S+:\sno\ssuch\sfile|permission\sdenied|is\sa\sdirectory)
    | exec\sformat\serror
    | argument\slist\stoo\slong
    | chdir\sto\scwd
    | container\sinit:\smkdir\s
    | rootfs.*:\s(?:not|is)\sa\sdirectory
    | unable\sto\sset\smemory\slimit
    | memory\slimit\stoo\slow
    | unable\sto\sfind\s(?:user|group)
    | no\scommand\sspecified
    | cannot\sload\s(?:seccomp|apparmor)\sprofile""",
    re.VERBOSE | re.IGNORECASE,
)
_NODE = re.compile(
    r"""resource\stemporarily\sunavailable
    | cannot\sallocate\smemory
    | too\smany\sopen\sfiles
    | no\sspace\sleft\son\sdevice
    | input/output\serror
    | device\sor\sresource\sbusy
    | transport\sendpoint\sis\snot\sconnected
    | can't\sget\sfinal\schild's\sPID
    | pthread_create\sfailed
    | unable\sto\screate\snew\sparent\sprocess
    | /containerd\.sock
    | \bhooks?\b
    | cgroup
    | ttrpc | shim\s(?!task) | connection\srefused | connection\sreset
    | context\sdeadline\sexceeded | deadlineexceeded | context\scanceled
    | failed\sto\sreserve\scontainer\sname
    | signal:\s | exit\sstatus\s
    | did\snot\sterminate\ssuccessfully""",
    re.VERBOSE | re.IGNORECASE,
)
_EXEC_FAILED = re.compile(r"exec \S+: (?:exec format error|no such file or directory|permission denied)\s*")
"""All that the runtime's own process leaves behind where the kernel refuses the program that was just started."""


def blame(message: str) -> Blame:
    """Whose fault a start error is."""
    if _DECLARED.search(message):
        return Blame.DECLARED
    return Blame.NODE if _NODE.search(message) else Blame.UNKNOWN


def never_ran(message: str) -> bool:
    """The last words of an ended container are the kernel's refusal of its program, which is of another architecture,
    or a script without an interpreter."""
    return _EXEC_FAILED.fullmatch(message) is not None


def with_doubt(message: str) -> str:
    """The message, with a note where its words are nobody's."""
    if blame(message) is not Blame.UNKNOWN:
        return message
    return f"{message.rstrip('. ')} (Perago does not know this error, and treats it as one of the node)"
