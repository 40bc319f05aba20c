"""A run that is killed at one aim after the other, resumed each time in a fresh process, and
compared with one that nobody disturbed.
"""

import fcntl
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from orchestrator.folder import runs
from orchestrator.ledger import FileLedger
from orchestrator.verify.environment.sealing import digest
from tests.command import IDEA, Provider, answered, facts_of, folder_of, git
from tests.killing.victim import Aim, Victim

PRODUCT = "greeter"
_REMAINS = re.compile(
    r"/(\.tmp-|tmp[-_]|\.git\.new|worktrees/|MERGE_HEAD|indexing$|\.(new|building|removed|copying)-)"
    r"|\.lock$|\.tmp$|/fast_import_crash|\.keep$"
)


@dataclass
class Row:
    """What the kills at one boundary led to: requests asked again although their answer was in the
    ledger, requests that reached the provider and came again, and calls that the report counts as
    perhaps billed twice.
    """

    boundary: str
    kills: int = 0
    """Or failures of the disk."""
    again: int = 0
    twice: int = 0
    said: int = 0


class End(NamedTuple):
    aim: Aim
    code: int
    said: str

    @property
    def wrong(self) -> str:
        """A kill ends with the signal. A failing disk is told in one line and a remedy, and the
        exit code is 3; or it was of no importance.
        """
        last = self.said.splitlines()[-2:]
        if self.aim.act == "kill" or self.code == 0:
            good = self.code in (0, -signal.SIGKILL)
        else:
            good = self.code == 3 and [one[:5] for one in last] == ["orche", "  -> "]
        return "" if good else f"{self.aim.act} at {self.aim.pattern}: {self.code}, {self.said}"


class Matrix:
    """Of `boundaries`, in a home of its own below `top`. `cache` is as in `Victim`."""

    def __init__(
        self,
        top: Path,
        env: Mapping[str, str],
        provider: Provider,
        boundaries: Mapping[str, Sequence[Aim]],
        *,
        cache: Path | None = None,
        traced: bool = False,
    ) -> None:
        self.home, self._place, self.temp = (top / one for one in ("home", "said", "tmp"))
        for one in (self.home, self._place, self.temp):
            one.mkdir(parents=True, exist_ok=True)
        (self.home / "orchestrate.toml").write_text("[limits]\nmutants = 0\n", "utf-8")
        self.left = [(name, aim) for name, aims in boundaries.items() for aim in aims]
        self.rows = {name: Row(name) for name in boundaries}
        self.ends: list[End] = []
        """Of the processes that an aim struck."""
        self.said = ""
        """By the last process."""
        self._env = {**provider.env(env), "TMPDIR": str(self.temp)}
        self._provider = provider
        self._cache = cache
        self._traced = traced
        self._victims: list[Victim] = []
        self._heard: tuple[str, Aim] | None = None
        provider.on_request = lambda place: self._hear(f"asked {place}")
        provider.on_begun = lambda place: self._hear(f"begun {place}")
        provider.on_sent = lambda place: self._hear(f"sent {place}")

    def run(self) -> int:
        """Until no aim comes true: the exit code of that process."""
        row = None
        while True:
            seen, twice, held = len(self._provider.asked), self._provider.twice, self._held()
            lost = self._lost()
            code, struck = self._process()
            (self.home / "filler").unlink(missing_ok=True)
            if row is not None:
                row.again += len(self._again(seen, held))
                row.twice += self._provider.twice - twice
            if struck is None:
                return code
            self.left.remove(struck)
            self.ends.append(End(struck[1], code, self.said))
            row = self.rows[struck[0]]
            row.kills += 1
            row.said += self._lost() - lost

    def _process(self) -> tuple[int, tuple[str, Aim] | None]:
        self._heard = None
        armed = tuple(self.left)
        victim = Victim(
            self.home,
            "resume" if runs(self.home) else IDEA,
            env=self._env,
            place=self._place,
            aims=tuple(aim for _, aim in armed),
            cache=self._cache,
            traced=self._traced,
        )
        self._victims.append(victim)
        code, self.said = victim.wait(), victim.said
        return code, self._heard if victim.struck is None else armed[victim.struck]

    def _hear(self, said: str) -> None:
        """In a thread of the provider's."""
        met = [one for one in self.left if re.search(one[1].pattern, said)]
        if met and self._heard is None:
            self._heard = met[0]
            self._victims[-1].kill()

    def _held(self) -> Counter[str]:
        return answered(self.home) if runs(self.home) else Counter()

    def _lost(self) -> int:
        return FileLedger(folder_of(self.home).ledger).unanswered() if runs(self.home) else 0

    def _again(self, seen: int, held: Counter[str]) -> list[str]:
        """Places asked anew after the first `seen` requests although `held` counts an answer to
        each different request that was put there before.
        """
        every = [*zip(self._provider.asked, self._provider.texts, strict=True)]
        before = set(every[:seen])
        put = Counter(place for place, _ in before)
        return [one[0] for one in every[seen:] if one in before and held[one[0]] >= put[one[0]]]

    @property
    def log(self) -> Path:
        """The trace of the last process."""
        log = self._victims[-1].log
        assert log is not None
        return log

    def problems(self) -> list[str]:
        """What a finished run left behind, one line each."""
        return [
            *(f"process: {one}" for victim in self._victims for one in victim.left()),
            *(f"remains: {one}" for one in _remains(self.home)),
            *(f"temporary: {one.name}" for one in self.temp.iterdir()),
            *_folders(self.home),
            *_broken(self.home / PRODUCT),
            *(_cached(self._cache) if self._cache else ()),
        ]

    def table(self) -> str:
        head = ("boundary", "kills", "asked again, recorded", "really twice", "maybe twice")
        rows = [(x.boundary, x.kills, x.again, x.twice, x.said) for x in self.rows.values()]
        return "\n".join(
            f"{name:<22}{kills:>6}{again:>23}{twice:>14}{said:>13}"
            for name, kills, again, twice, said in (head, *rows)
        )


def _remains(folder: Path) -> list[str]:
    every = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return sorted(one for one in every if _REMAINS.search(f"/{one}"))


def _folders(home: Path) -> Iterator[str]:
    """Runs that never began, and a lock that somebody holds."""
    known = {one.name for one in runs(home)}
    for path in (home / ".orchestrate" / "runs").iterdir():
        if path.name not in known:
            yield f"no run: {path.name}"
    with (folder_of(home).path / "lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield "the run's lock is held"


def _broken(product: Path) -> Iterator[str]:
    if said := git(product, "status", "--porcelain"):
        yield f"not clean: {said}"
    if said := git(product, "fsck", "--no-dangling", "--no-progress"):
        yield f"git fsck: {said}"
    if others := git(product, "for-each-ref", "--format=%(refname)", "refs/orchestrator"):
        yield f"refs: {others}"


def _cached(cache: Path) -> Iterator[str]:
    uvs = re.compile(r"uv|environments/\w+/env/\.lock$")
    yield from (f"cache: {one}" for one in _remains(cache) if not uvs.match(one))
    for home in (cache / "environments").iterdir():
        if not home.name.startswith("."):
            stated = (home / "env.sha256").read_text("ascii")
            if digest(home / "env") != stated:
                yield f"cache: {home.name} is not what was built"


def outcome(home: Path) -> dict[str, object]:
    """What a run came to, but for what is measured: its report, history, branches and files."""
    product = home / PRODUCT
    names = git(product, "for-each-ref", "--format=%(refname) %(tree)").splitlines()
    files = {
        path.relative_to(product).as_posix(): path.read_bytes()
        for path in product.rglob("*")
        if path.is_file() and ".git/" not in f"{path.relative_to(product).as_posix()}/"
    }
    return {
        "facts": facts_of(home),
        "history": git(product, "log", "--topo-order", "--format=%T %s", "main").splitlines(),
        "branches": names,
        "files": files,
        "reports": sorted(p.name for p in folder_of(home).path.glob("report.*")),
    }


def clean(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`env` without anything of ours or Anthropic's."""
    ours = ("ORCHESTRATE_", "ANTHROPIC_")
    return {name: value for name, value in env.items() if not name.startswith(ours)}
