"""One project put through the real command line, among canaries, and what came of it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.hostile import reaper
from tests.hostile.canaries import Canaries
from tests.hostile.probing import INNER
from tests.hostile.project import Project, write
from tests.hostile.user import User

VERDICTS = {0: "pass", 1: "fail", 8: "inconclusive"}
STOPPED = (2, 3, 5)
SETTINGS = "[limits]\ntest_seconds = 20\nstep_seconds = 5\nmemory_mib = 512\n"
TIMEOUT = 6
"""Seconds for a command of `sandbox`."""
PATIENCE = 240
"""Seconds after which the command itself is taken to hang."""


@dataclass(frozen=True)
class Driven:
    """`verdict` is verify's verdict, sandbox's outcome, "applied", "refused", "stopped" (with a
    remedy) or "broken". `harm` says what was reached, told or left behind, a line each; `wrong`
    what else is not as the project expects.
    """

    verdict: str
    seconds: float
    harm: tuple[str, ...]
    wrong: tuple[str, ...]
    output: str


def drive(project: Project, user: User, ground: Path, *, flags: tuple[str, ...] = ()) -> Driven:
    """`project` run by `user`, in a new folder below `ground`: as JSON, and again for the terminal
    where some text must not come out. `flags` are added to the command.
    """
    driven = _once(project, user, ground, flags=(*flags, "--json"))
    if not project.absent:
        return driven
    plain = _once(project, user, ground, flags=flags)
    return replace(
        driven,
        seconds=driven.seconds + plain.seconds,
        harm=(*driven.harm, *plain.harm),
        wrong=(*driven.wrong, *plain.wrong),
        output=driven.output + plain.output,
    )


def _once(project: Project, user: User, ground: Path, *, flags: tuple[str, ...]) -> Driven:
    base = ground / f"{project.family}-{project.name}"[:60]
    base.mkdir(mode=0o755)
    try:
        with Canaries(base, user.uid) as canaries:
            canaries.settings.write_text(SETTINGS)
            filled = _filled(project, canaries.marks)
            words = _prepared(filled, canaries, flags)
            canaries.settle()
            told = _run(words, filled, user, canaries)
            return _judged(filled, told, canaries, as_json="--json" in flags)
    finally:
        subprocess.run(["rm", "-rf", str(base)], check=True)


def _prepared(project: Project, canaries: Canaries, flags: tuple[str, ...]) -> list[str]:
    """The words of the command, with the files that it needs."""
    write(project, canaries.project)
    folder = str(canaries.project)
    if _within(project):
        folder = INNER if (canaries.project / INNER).is_dir() else "."
    if project.interface == "sandbox":
        return ["sandbox", folder, "--timeout", str(TIMEOUT), *flags, "--", *project.command]
    if project.interface == "apply":
        answer = canaries.base / "answer"
        answer.write_text(project.answer, "utf-8", "surrogatepass")
        return ["apply", str(answer), "--into", folder, *flags]
    words = ["verify", folder, *flags]
    if project.criteria is not None:
        criteria = canaries.base / "criteria.json"
        criteria.write_text(json.dumps(project.criteria), "utf-8")
        words += ["--criteria", str(criteria)]
    return words


def _within(project: Project) -> bool:
    """A project that brings settings is run from its own folder."""
    return "orchestrate.toml" in project.files


def _run(
    words: list[str], project: Project, user: User, canaries: Canaries
) -> Mapping[str, object]:
    spec = {
        "argv": [*user.command, *words],
        "env": {**user.environment(canaries.home, canaries.temp), **canaries.environment},
        "cwd": str(canaries.project if _within(project) else canaries.cwd),
        "uid": user.uid,
        "seconds": PATIENCE,
        "heirloom": str(canaries.heirloom),
    }
    done = subprocess.run(
        [sys.executable, "-I", reaper.__file__],
        input=json.dumps(spec),
        capture_output=True,
        text=True,
        timeout=PATIENCE + 60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _judged(
    project: Project, told: Mapping[str, object], canaries: Canaries, *, as_json: bool
) -> Driven:
    code, stdout, stderr = int(str(told["returncode"])), str(told["stdout"]), str(told["stderr"])
    output = stdout + stderr
    said, verdict = _understood(project, code, stdout if as_json else "")
    wrong: list[str] = []
    if verdict not in project.expect:
        wrong.append(f"ended as {verdict!r} ({code}), not {' or '.join(project.expect)}")
    if project.says and project.says not in said + output:
        wrong.append(f"does not say {project.says!r}")
    return Driven(
        verdict=verdict,
        seconds=float(str(told["seconds"])),
        harm=tuple(_harm(project, told, canaries, said)),
        wrong=tuple(wrong),
        output=f"$ {project.interface} {project.name}: {code}\n{output[-6000:]}\n",
    )


def _understood(project: Project, code: int, stdout: str) -> tuple[str, str]:
    """Every text of the JSON in `stdout`, and how the command ended."""
    try:
        told = json.loads(stdout) if stdout else {}
    except ValueError:
        return "", "broken"
    said = "\n".join(_texts(told))
    if code in STOPPED:
        return said, "stopped"
    if project.interface == "verify":
        verdict = VERDICTS.get(code, "broken")
        return said, verdict if told.get("verdict", verdict) == verdict else "broken"
    if code not in (0, 1):
        return said, "broken"
    if project.interface == "apply":
        return said, ("applied", "refused")[code]
    return said, str(told.get("outcome", project.expect[0]))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _harm(
    project: Project, told: Mapping[str, object], canaries: Canaries, said: str
) -> Iterator[str]:
    yield from canaries.touched()
    yield from canaries.left()
    yield from (f"survived: {one}" for one in told["survivors"])  # type: ignore[attr-defined]
    if told["terminal"]:
        yield f"the terminal was {told['terminal']}"
    if told["hung"]:
        yield f"still running after {PATIENCE} seconds"
    written = f"{told['stdout']}\n{told['stderr']}"
    if canaries.told(said + written):
        yield "a secret was told"
    lines = f"{said}\n{written}".splitlines()
    yield from (line[:200] for line in lines if line.startswith("REACHED "))
    yield from (f"{text!r} came out" for text in project.absent if text in written)
    changed = canaries.changed()
    if project.interface == "apply" and project.expect == ("applied",):
        changed = tuple(one for one in changed if "/.git/" in one)
    yield from (f"{path} changed" for path in changed)


def _filled(project: Project, marks: Mapping[str, str]) -> Project:
    """`project` with every %%NAME%% replaced."""

    def fill(text: str) -> str:
        return re.sub(r"%%([A-Z0-9]+)%%", lambda found: marks[found[1]], text)

    files = {
        fill(path): fill(given) if isinstance(given, str) else given
        for path, given in project.files.items()
    }
    return replace(
        project,
        files=files,
        command=tuple(map(fill, project.command)),
        answer=fill(project.answer),
        says=fill(project.says),
        absent=tuple(map(fill, project.absent)),
    )
