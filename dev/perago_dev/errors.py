"""What can go wrong while an environment is brought up or taken down. Every message says what to do about it."""


class EnvironmentProblem(Exception):
    """A problem that the user has to solve; shown without a traceback."""


class CommandFailed(EnvironmentProblem):
    """A program failed; the message contains the command, its exit code and its last lines."""


class Stopped(CommandFailed):
    """A program was stopped because another step failed, so this is never the cause."""


class NotUp(EnvironmentProblem):
    """The named environment is not up."""
