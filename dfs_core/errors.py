"""The one kind of error that is the user's to mend."""


class UserError(ValueError):
    """A mistake that the user can mend; the message says in one line what is wrong and what to do.

    The command line prints it and exits with 2; the dashboard shows it in place of a result. Anything else that is
    raised is a defect of ours and keeps its traceback.

    Attributes:
        command: what to type to mend it; empty where no command does.
    """

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command
