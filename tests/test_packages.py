"""Packages that are not well known: who may allow them, and what an agent is told."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from orchestrator import settings
from orchestrator.artifacts.caps import Caps
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import Verdict
from orchestrator.budget import Budget
from orchestrator.errors import Interrupted, Misuse
from orchestrator.halt import Halt
from orchestrator.ledger import FileLedger
from orchestrator.models.prices import dearest
from orchestrator.sandbox.bubblewrap import Bubblewrap
from orchestrator.slots import Slots
from orchestrator.verification import Consent, Verification, allowing
from orchestrator.verify import Subject, Verifier
from orchestrator.verify.environment import OUR_TOOLS, Uv, unknown
from orchestrator.verify.environment.requirements import WELL_KNOWN
from tests import command
from tests.packages import BIN, Index, index, place, uv
from tests.verification import QUICK

__all__ = ["index", "place", "uv"]

pytestmark = pytest.mark.full
"""They build environments over and over: two minutes that `.ci/run` does not have."""
PLACE = "run/package/foo-bar"


def test_the_shipped_list_is_of_canonical_names_in_order() -> None:
    lines = WELL_KNOWN.read_text("utf-8").splitlines()
    names = [line for line in lines if not line.startswith("#")]

    assert names == sorted(set(names))
    assert [name for name in names if canonicalize_name(name) != name] == []
    assert 400 <= len(names) <= 1200


@pytest.mark.parametrize(
    ("lines", "allowed", "names"),
    [
        (("Flask>=3", "PyYAML", "ruamel.yaml", "httpx[http2]"), (), ()),
        (OUR_TOOLS, (), ()),
        (("foo_bar>=1", "flask", "Foo.Bar"), (), ("foo-bar",)),
        (("foo_bar", "b-a-z"), ("Foo.Bar",), ("b-a-z",)),
        (
            ("jwt", "sklearn", "dotenv", "cv2", "yaml"),
            (),
            ("jwt", "sklearn", "dotenv", "cv2", "yaml"),
        ),
    ],
)
def test_a_package_is_known_by_its_canonical_name(
    lines: tuple[str, ...], allowed: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert unknown(lines, allowed) == names


class Asked:
    """A person who gives these answers, one after the other."""

    def __init__(self, *answers: bool) -> None:
        self.names: list[str] = []
        self._answers = iter(answers)

    async def __call__(self, name: str) -> bool:
        self.names.append(name)
        await asyncio.sleep(0)
        return next(self._answers)


class Desk:
    """Verifications of products that ask for packages, over one ledger."""

    def __init__(self, uv: Uv, ledger: Path) -> None:
        self.ledger = FileLedger(ledger)
        self.halt = Halt()
        self._verifier = Verifier(
            Bubblewrap(uv.cache),
            limits=QUICK,
            cache=uv.cache,
            uv=uv.program,
            ruff=BIN / "ruff",
            python=uv.python,
            env=uv.env,
        )

    def verify(
        self, *texts: str, consent: Consent | None = None, allowed: tuple[str, ...] = ()
    ) -> list[Verdict]:
        """What is said of products with these requirements, all at once."""

        async def every() -> Iterable[Verdict]:
            verification = Verification(
                self._verifier,
                self.ledger,
                self.halt,
                sink=lambda _event: None,
                budget=Budget(Caps(), Caps(), priced=dearest),
                slots=Slots(),
                allowed=allowed,
                consent=consent,
            )
            return await asyncio.gather(
                *(verification.verify(_subject(one), "a", rank=0) for one in texts)
            )

        return list(asyncio.run(every()))


def _subject(text: str) -> Subject:
    tree = Tree({"requirements.txt": text.encode()})
    return Subject(tree=tree, criteria=("M1-C1",), checks=(), launch=None, lock="")


@pytest.fixture
def desk(uv: Uv, tmp_path: Path) -> Desk:
    return Desk(uv, tmp_path / "ledger")


REFUSED = (
    'requirements.txt asks for "foo-bar", which is not among the well-known packages and which '
    "nobody has allowed: use another one, or the standard library (a person may say "
    "--allow-package foo-bar)"
)
LOOKED_FOR = "the requirements cannot be resolved: foo-bar was not found"


def test_without_anybody_to_ask_the_agent_is_told_and_nothing_is_recorded_or_looked_up(
    desk: Desk, index: Index
) -> None:
    (verdict,) = desk.verify("flask\nFoo_Bar>=1\n")

    assert (verdict.outcome, verdict.reasons) == ("fail", (REFUSED,))
    assert desk.ledger.decision(PLACE) is None
    assert index.asked == []


def test_a_yes_is_recorded_once_and_lets_the_index_be_asked(desk: Desk, index: Index) -> None:
    person = Asked(True)

    first, second = desk.verify("foo_bar", "Foo.Bar>=1", consent=person)

    assert person.names == ["foo-bar"]
    assert desk.ledger.decision(PLACE) == "yes"
    assert first.reasons[0].startswith(LOOKED_FOR)
    assert second.reasons[0].startswith(LOOKED_FOR)
    assert any("foo-bar" in path for path in index.asked)
    (later,) = desk.verify("foo-bar<9")
    assert later.reasons[0].startswith(LOOKED_FOR)


def test_a_no_is_recorded_and_nobody_is_asked_again(desk: Desk, index: Index) -> None:
    person = Asked(False)

    for _ in range(2):
        (verdict,) = desk.verify("foo-bar", consent=person)
        assert verdict.reasons == (REFUSED,)

    assert person.names == ["foo-bar"]
    assert desk.ledger.decision(PLACE) == "no"
    assert index.asked == []


def test_the_setting_and_a_flag_of_resume_win_over_a_no(desk: Desk) -> None:
    desk.verify("foo-bar", consent=Asked(False))

    (by_setting,) = desk.verify("foo-bar", allowed=("foo-bar",))
    desk.ledger.decide(allowing("foo-bar"), "yes")
    (by_flag,) = desk.verify("foo-bar>=1")

    assert by_setting.reasons[0].startswith(LOOKED_FOR)
    assert by_flag.reasons[0].startswith(LOOKED_FOR)
    assert desk.ledger.decision(PLACE) == "no"


def test_an_answer_that_comes_after_ctrl_c_is_none(desk: Desk) -> None:
    async def interrupted(_name: str) -> bool:
        desk.halt.stop(Interrupted("interrupted"))
        return False

    with pytest.raises(Interrupted):
        desk.verify("foo-bar", consent=interrupted)

    assert desk.ledger.decision(PLACE) is None


@pytest.mark.parametrize(
    ("text", "env", "flags", "found"),
    [
        ("", {}, {}, ()),
        ('allow_packages = ["Foo_Bar", "foo.bar", "baz"]', {}, {}, ("foo-bar", "baz")),
        ("", {"ORCHESTRATE_ALLOW_PACKAGES": "Foo_Bar, baz,"}, {}, ("foo-bar", "baz")),
        ('allow_packages = ["baz"]', {}, {"allow_packages": None}, ("baz",)),
        ('allow_packages = ["baz"]', {}, {"allow_packages": ("A_B",)}, ("a-b",)),
    ],
)
def test_packages_are_allowed_by_file_environment_or_flag(
    home: Path,
    text: str,
    env: dict[str, str],
    flags: dict[str, object],
    found: tuple[str, ...],
) -> None:
    (home / "orchestrate.toml").write_text(text, "utf-8")

    chosen = settings.load(home, env, flags).settings

    assert chosen.allow_packages == found
    assert settings.parse(settings.dump(chosen), "settings.toml") == chosen


@pytest.mark.parametrize("given", ["-e .", "foo bar", "../foo", "foo==1"])
def test_what_is_no_name_of_a_package_cannot_be_allowed(home: Path, given: str) -> None:
    env = {"ORCHESTRATE_ALLOW_PACKAGES": f"fine,{given}"}

    with pytest.raises(Misuse, match="is not the name of a package") as stop:
        settings.load(home, env, {})

    assert "ORCHESTRATE_ALLOW_PACKAGES" in stop.value.message


def test_the_flag_begins_a_run_and_at_resume_it_is_a_decision(
    home: Path, env: dict[str, str]
) -> None:
    begun = command.run(
        home, "start", "a greeter for the shell", "--allow-package", "Foo_Bar",
        "--allow-package", "baz", env=env,
    )  # fmt: skip
    assert json.loads(begun.stdout)["status"] == "request", begun.stderr
    run = command.folder_of(home)
    assert 'allow_packages = ["foo-bar", "baz"]' in run.settings_text()

    command.run(home, "resume", "--allow-package", "More.Of_It", env=env)

    assert FileLedger(run.ledger).decision(allowing("more-of-it")) == "yes"
    refused = command.run(home, "resume", "--allow-package", "-e", env=env)
    assert refused.returncode == 2


QUESTION = """
import asyncio, io
from rich.console import Console
from orchestrator.artifacts.caps import Caps
from orchestrator.budget import Budget
from orchestrator.cli.consent import consent, terminal
from orchestrator.live import Live
ask = consent(terminal(Live(Console(file=io.StringIO()))))
print("nobody" if ask is None else asyncio.run(ask("foo-bar")), flush=True)
"""


@pytest.mark.parametrize(
    ("typed", "said"),
    [(b"yes\n", "True"), (b"Y\n", "True"), (b"\n", "False"), (b"yep\n", "False"), (b"\4", "False")],
)
def test_a_person_at_a_terminal_is_asked_and_only_yes_is_yes(typed: bytes, said: str) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"yes\n")  # typed ahead: no answer to a question that was not read
    process = subprocess.Popen(
        [sys.executable, "-c", QUESTION], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    try:
        shown = b""
        while b"Type yes or no:" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, typed)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(ours)

    assert b'the package "foo-bar"' in shown
    assert out.decode().strip() == said


def test_nobody_is_asked_where_nobody_reads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUESTION], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )

    assert done.stdout.decode().strip() == "nobody"
