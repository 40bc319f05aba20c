"""The failure policy, on one page.

Failure of the *work* is data: a red test, a malformed answer, a refusal, a non-zero exit are values
that routing reads. Failure of the *tool* or of the world around it is one of the exceptions below.

    Stop                   the run cannot go on now: one line, one remedy, one exit code
    +-- Misuse         2   the command, flag, plan or setting is wrong
    +-- Missing        3   something the run needs is missing or broken (git, sandbox, disk)
    +-- Changed        3   what the ledger holds no longer fits (prompts, product folder)
    +-- Spent          4   a budget is used up (MilestoneSpent: one milestone's, others go on)
    +-- AwaitingPerson 5   a person must decide
    +-- AwaitingHost   0   a host agent must answer
    +-- Busy           6   another process advances this run (AwaitingVerdict: it verifies)
    +-- GaveUp         7   the model's provider failed for good or for too long
    +-- Interrupted  130   Ctrl-C
    NoAnswer               an agent gave no valid answer within its re-asks: a failed attempt

A Stop is caught once, at the edge (`cli`, or the caller of `Orchestrator.run`). Everything else is
a bug: it keeps its traceback and exits 70.
"""

from typing import ClassVar


class Stop(Exception):
    """Ends the process with its own exit code; the run stays resumable.

    `message` says what happened and names the value; `remedy` says what to do about it.
    """

    exit_code: ClassVar[int] = 70
    waits: ClassVar[bool] = False
    """Whether other milestones may go on while this one waits."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class Misuse(Stop):
    exit_code = 2


class Missing(Stop):
    exit_code = 3


class Changed(Stop):
    exit_code = 3


class Spent(Stop):
    exit_code = 4


class MilestoneSpent(Spent):
    waits = True


class AwaitingPerson(Stop):
    exit_code = 5
    waits = True


class AwaitingHost(Stop):
    """A request lies in the inbox: `request` is its id."""

    exit_code = 0
    waits = True

    def __init__(self, request: str) -> None:
        super().__init__(f"request {request} waits for its answer", "orchestrate next")
        self.request = request


class Busy(Stop):
    exit_code = 6


class AwaitingVerdict(Busy):
    """A verification goes on in a process of its own, longer than one waits for it here."""

    waits = True


class GaveUp(Stop):
    """`billed` is whether a call may have been charged for."""

    exit_code = 7

    def __init__(self, message: str, remedy: str = "", *, billed: bool = True) -> None:
        super().__init__(message, remedy)
        self.billed = billed


class Interrupted(Stop):
    exit_code = 130


class NoAnswer(Exception):
    """The agent's last answer was still not valid: `reasons` are the exact errors it was told."""

    def __init__(self, agent: str, reasons: tuple[str, ...]) -> None:
        super().__init__(f"{agent}: {'; '.join(reasons)}")
        self.agent = agent
        self.reasons = reasons
