"""The exception for mistakes that the user can correct."""


class UserError(ValueError):
    """A mistake that the user can correct. The message says in one line what is wrong and what to do.

    The command line prints the message and exits with 2. The dashboard shows it in place of a result. Any other
    exception is a defect of this program and keeps its traceback.

    Attributes:
        command: the command that corrects it; empty if there is none.
    """

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command
