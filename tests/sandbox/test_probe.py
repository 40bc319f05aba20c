"""The self-test, and what a person is told when the sandbox does not start."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import Missing
from orchestrator.sandbox import Command, ExecResult, Sandbox, seccomp
from orchestrator.sandbox.bubblewrap import Bubblewrap
from orchestrator.sandbox.probe import probe, self_test
from orchestrator.sandbox.process import Process

Run = Callable[..., ExecResult]


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_bubblewrap_holds_here(
    bubblewrap: Sandbox, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")

    assert asyncio.run(self_test(bubblewrap, environment)) == ()
    asyncio.run(probe(bubblewrap, environment))


def test_the_self_test_sees_what_a_process_can_reach(environment: Path) -> None:
    problems = asyncio.run(self_test(Process(), environment))

    assert "files of the host can be read" in problems
    assert "servers of the host can be reached" in problems
    assert "system calls are not filtered" in problems
    asyncio.run(probe(Process(), environment))


class Leaky:
    """A sandbox that calls itself bubblewrap and holds nothing back."""

    name = "bubblewrap"

    async def exec(self, command: Command) -> ExecResult:
        return await Process().exec(command)


def test_a_sandbox_that_does_not_hold_is_refused(environment: Path) -> None:
    with pytest.raises(Missing, match="files of the host can be read") as raised:
        asyncio.run(probe(Leaky(), environment))

    assert "--sandbox process" in raised.value.remedy


def test_an_environment_that_does_not_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="no Python runs"):
        asyncio.run(probe(Process(), tmp_path))


def test_bubblewrap_that_is_not_installed_is_told(cache: Path, run: Run) -> None:
    with pytest.raises(Missing, match="not installed") as raised:
        run(Bubblewrap(cache, program="bwrap-is-not-here"), "")

    assert "apt-get install bubblewrap" in raised.value.remedy
    assert "--sandbox process" in raised.value.remedy


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("No permissions to create new namespace, likely because", "seccomp=unconfined"),
        ("Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namesp", "sysctl"),
        ("Can't mount proc on /newroot/proc: Operation not permitted", "systempaths=unconfined"),
        ("setting up uid map: Operation not permitted", "CAP_SETFCAP"),
        ("setting up uid map: Permission denied", "AppArmor"),
        ("loopback: Failed RTM_NEWADDR: Operation not permitted", "AppArmor"),
        ("Unknown option --disable-userns", "newer bubblewrap"),
        ("execvp prlimit: No such file or directory", "util-linux"),
        ("something that nobody has seen", "by hand"),
    ],
)
def test_each_message_of_bubblewrap_has_its_remedy(
    cache: Path, run: Run, message: str, remedy: str
) -> None:
    program = cache / "bwrap"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "bwrap: {message}" >&2\nexit 1\n')
    program.chmod(0o755)

    with pytest.raises(Missing) as raised:
        run(Bubblewrap(cache, program=str(program)), "")

    assert raised.value.message == f"the sandbox does not start: bwrap: {message}"
    assert remedy in raised.value.remedy
    assert "--sandbox process" in raised.value.remedy


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_filter_is_whole_instructions_that_end_in_a_verdict(machine: str) -> None:
    content = seccomp.program(machine)

    assert len(content) % 8 == 0
    assert content[-8:-6] == b"\x06\x00"
    assert content != seccomp.program({"x86_64": "aarch64", "aarch64": "x86_64"}[machine])


def test_a_machine_without_a_filter_is_told() -> None:
    with pytest.raises(Missing, match="riscv64"):
        seccomp.program("riscv64")
