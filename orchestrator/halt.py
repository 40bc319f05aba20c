"""Whether new calls and verifications may still start."""


class Halt:
    """Set once by the first cause: what is in flight finishes, nothing new begins."""

    def __init__(self) -> None:
        self.cause: BaseException | None = None

    def stop(self, cause: BaseException) -> None:
        self.cause = self.cause or cause

    def check(self) -> None:
        """Raises the cause, when there is one."""
        if self.cause is not None:
            raise self.cause
