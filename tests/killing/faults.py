"""A disk that is full or read-only: at every change that a run makes to it, found in its trace."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.killing.boundaries import GIT
from tests.killing.victim import Act, Aim

_VARYING = re.compile(
    r"(?<=runs/)\d{8}-[\w-]+|(?<=[./-])[a-z0-9_]{8}(?=[/ ]|$)|[0-9a-f]{16,}|\.py\.\d+"
)
GIT_CHANGES = ("init", "fast-import", "update-ref", "merge-tree", "read-tree", "update-index")
SOME = (
    r"^mkdir .*/\.orchestrate$",
    r"^rename .*/\.new-\S+ to ",
    r"^write .*/journal\.jsonl$",
    r"^rename .* to .*/ledger/intents/milestone-1-mvp/impl-1",
    r"^rename .* to .*/ledger/answers/milestone-1-mvp/impl-1",
    r"^rename .* to .*/ledger/decisions/",
    r"^rename .* to .*/ledger/verdicts/",
    r"^rename .*/orchestrator/checkout$",
    r"^rename .*/orchestrator/tmp-\S+ to .*/greeter/__main__\.py$",
    r"^write .*/orchestrator/indexing$",
    r"^rename .*/report\.html$",
    r"^rename .*/report\.json$",
)


def some(where: Path) -> tuple[Aim, ...]:
    """Full and read-only in turn."""
    return tuple(
        Aim(pattern, act="EROFS" if number % 2 else "ENOSPC", where=str(where))
        for number, pattern in enumerate(SOME)
    )


def everywhere(log: Path, disk: Path, act: Act) -> Iterator[Aim]:
    """One aim for each different change below `disk` of the run that `log` traced, in its order.
    All of it then fails until the process ends.
    """
    seen: set[str] = set()
    for line in log.read_text("utf-8").splitlines():
        verb, _, rest = line.partition(" ")
        if f"{disk}/" not in f"{rest}/" or verb in ("read", "start", "connect", "fsync"):
            continue
        if re.fullmatch(rf"{re.escape(str(disk))}/[a-z0-9_]{{8}}", rest):
            continue  # Python tries out the folder, and takes another
        if "__pycache__" in rest or (act == "ENOSPC" and verb in ("remove", "rmdir")):
            continue
        pattern = r"[\w-]+".join(re.escape(part) for part in _VARYING.split(line))
        if pattern not in seen:
            seen.add(pattern)
            yield Aim(f"^{pattern}$", act=act, where=str(disk))


def around_git(act: Act, where: Path) -> tuple[Aim, ...]:
    """The disk of `where` fails before git starts; git itself sees it, too."""
    every = [Aim(rf"{GIT} {verb} ", act=act, where=str(where)) for verb in GIT_CHANGES]
    later = [Aim(rf"{GIT} fast-import ", nth=one, act=act, where=str(where)) for one in (2, 3, 5)]
    return (*every, *later)
