"""What the verification tests share: a verifier, its lock, and small products to verify."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from orchestrator.artifacts.architecture import Launch
from orchestrator.artifacts.checks import (
    Call,
    Check,
    ClockStep,
    CommandStep,
    FileMatch,
    HttpStep,
    Match,
    Pair,
    ParallelStep,
    PythonStep,
    Step,
    Visibility,
)
from orchestrator.artifacts.layout import LAYOUT, Layout
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.verdict import CheckResult, Verdict
from orchestrator.sandbox import Sandbox
from orchestrator.sandbox.process import Process
from orchestrator.settings import Limits
from orchestrator.verify import Subject, Verifier, scenario
from orchestrator.verify.bench import AT_ONCE, Bench
from orchestrator.verify.environment import Uv, provide

BIN = Path(sys.executable).parent
CLI = Launch(kind="cli", command=("python", "-m", "app"), module="app")
SERVICE = Launch(kind="service", command=("python", "serve.py"), module="serve")
LIBRARY = Launch(kind="library", command=(), module="lib")
QUICK = Limits(test_seconds=20, step_seconds=5, mutants=2)

ADDER = {
    "app/__init__.py": "",
    "app/core.py": "def add(a, b):  # pragma: no cover\n    return a + b\n",
    "app/__main__.py": (
        "import sys\n"
        "from app.core import add\n"
        "if len(sys.argv) < 3:\n"
        "    sys.exit('usage: app A B')\n"
        "print(add(int(sys.argv[1]), int(sys.argv[2])))\n"
    ),
    "tests/contract/test_add.py": (
        "from app.core import add\n\n"
        "def test_m1_c1_adds_two_numbers():\n"
        "    assert add(1, 2) == 3\n"
    ),
}


def tree(files: dict[str, str], changed: dict[str, str] | None = None) -> Tree:
    """`files`, with what is `changed` written over them."""
    return Tree({path: text.encode() for path, text in {**files, **(changed or {})}.items()})


def command(*argv: str, out: str | None = None, code: int = 0, file: str = "") -> CommandStep:
    stdout = () if out is None else (Match(how="equals", text=out),)
    files = (FileMatch(path=file, content=()),) if file else ()
    return CommandStep(
        kind="command", argv=argv, stdin="", exit_code=code, stdout=stdout, stderr=(), files=files
    )


def http(
    method: str,
    path: str,
    *,
    status: int = 200,
    body: str = "",
    subset: str = "",
    token: str = "",
    captures: tuple[Pair, ...] = (),
) -> HttpStep:
    return HttpStep(
        kind="http",
        method=method,
        path=path,
        headers=(Pair(name="Authorization", value=token),) if token else (),
        body=body,
        status=status,
        json_subset=subset,
        body_matches=(),
        header_matches=(),
        captures=captures,
    )


def call(method: str, path: str, body: str = "", token: str = "") -> Call:
    headers = (Pair(name="Authorization", value=token),) if token else ()
    return Call(method=method, path=path, headers=headers, body=body)


def parallel(*requests: Call, statuses: tuple[int, ...]) -> ParallelStep:
    return ParallelStep(kind="parallel", requests=requests, statuses=statuses)


def clock(seconds: int) -> ClockStep:
    return ClockStep(kind="clock", advance_seconds=seconds)


def python(source: str, out: str) -> PythonStep:
    return PythonStep(
        kind="python", source=source, exit_code=0, stdout=(Match(how="equals", text=out),)
    )


def check(visibility: Visibility, *steps: Step) -> Check:
    return Check(
        id=f"M1-C1-{visibility}-1", criterion="M1-C1", visibility=visibility, title="", steps=steps
    )


class Workshop:
    """Verifies with one environment: built over the network once, then kept in `cache`."""

    def __init__(self, cache: Path) -> None:
        cache.chmod(0o755)
        self.cache = cache
        kept = cache / "lock.txt"
        if not kept.is_file():
            locked = asyncio.run(self.verifier(Process()).lock(()))
            assert not locked.error
            kept.write_text(locked.text, "utf-8")
        self.lock = kept.read_text("utf-8")

    def verifier(self, sandbox: Sandbox, limits: Limits = QUICK) -> Verifier:
        return Verifier(
            sandbox,
            limits=limits,
            cache=self.cache,
            uv=BIN / "uv",
            ruff=BIN / "ruff",
            python=Path(sys.executable),
            env=os.environ,
        )

    def verify(
        self,
        product: Tree,
        launch: Launch | None,
        *checks: Check,
        sandbox: Sandbox | None = None,
        limits: Limits = QUICK,
        layout: Layout = LAYOUT,
    ) -> Verdict:
        subject = Subject(
            tree=product,
            criteria=("M1-C1",),
            checks=checks,
            launch=launch,
            lock=self.lock,
            layout=layout,
        )
        return asyncio.run(self.verifier(sandbox or Process(), limits).verify(subject))

    def play(
        self,
        product: Tree,
        launch: Launch,
        *checks: Check,
        sandbox: Sandbox | None = None,
        limits: Limits = QUICK,
    ) -> tuple[CheckResult, ...]:
        """`checks` alone, one after the other."""

        async def each() -> tuple[CheckResult, ...]:
            bench = await self.bench(sandbox, limits)
            return tuple([await scenario.run(one, product, launch, bench) for one in checks])

        return asyncio.run(each())

    async def bench(self, sandbox: Sandbox | None = None, limits: Limits = QUICK) -> Bench:
        """For the event loop that runs now."""
        uv = Uv(program=BIN / "uv", python=Path(sys.executable), cache=self.cache, env=os.environ)
        return Bench(
            sandbox=sandbox or Process(),
            environment=await provide(self.lock, uv),
            limits=limits,
            slots=asyncio.Semaphore(AT_ONCE),
        )


@pytest.fixture(scope="session")
def workshop(request: pytest.FixtureRequest) -> Workshop:
    cache = request.config.cache
    assert cache is not None
    return Workshop(cache.mkdir("verify"))
