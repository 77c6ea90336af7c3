"""What can go wrong while an environment is brought up or down. Every message says what to do about it."""


class EnvironmentProblem(Exception):  # noqa: N818 - it is shown to people, who call it a problem
    """Something a person has to change; shown without a traceback."""


class CommandFailed(EnvironmentProblem):
    """A program ended with a failure; the message carries the command, its exit code and its last lines."""


class Stopped(CommandFailed):
    """A program was stopped because another step failed; never the cause of anything."""


class NotUp(EnvironmentProblem):
    """The named environment is not up."""
