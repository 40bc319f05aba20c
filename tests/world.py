"""A scripted world: a small product in three milestones, and a model that builds it."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator import Orchestrator
from orchestrator.artifacts.evaluation import Evaluation
from orchestrator.artifacts.exchange import Answer, Request, Usage
from orchestrator.artifacts.outcome import Attempt
from orchestrator.artifacts.report import Report
from orchestrator.artifacts.values import DIMENSIONS
from orchestrator.artifacts.verdict import Verdict
from orchestrator.events import Event
from orchestrator.ledger import FileLedger
from orchestrator.scoring import judge
from orchestrator.settings import Limits

Script = Callable[[Request], str | Answer]
Override = str | Answer | Callable[[Request], str | Answer]
AT = "2026-01-02T03:04:05+00:00"
WORDS = {"milestone-1-mvp": "greet", "milestone-2-shout": "shout", "milestone-3-whisper": "whisper"}
IDEA = "a greeter for the shell that can also shout and whisper"


def answer(text: str, **changes: object) -> Answer:
    """`text` as a model's answer, with made-up usage and price."""
    given = Answer(
        text=text,
        stop="end",
        stop_detail="",
        model="scripted",
        usage=Usage(input=100, output=50, cache_read=0, cache_write_5m=0, cache_write_1h=0),
        price="0.001",
        duration_ms=5,
        at=AT,
        request_id="r",
        by="scripted",
    )
    return given.model_copy(update=changes)


@dataclass
class Scripted:
    """A Model that answers from `script` and keeps every request."""

    script: Script
    requests: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Answer:
        self.requests.append(request)
        said = self.script(request)
        return said if isinstance(said, Answer) else answer(said)

    def asked(self, agent: str) -> list[Request]:
        return [one for one in self.requests if one.agent == agent]


def greeter(overrides: Mapping[str, Override] | None = None) -> Script:
    """The script of a run in which everything goes well.

    `overrides` replace the answer of one agent (`eval`), or of one request by its id
    (`milestone-1-mvp/impl/1/1`), with a text, an answer or a function.
    """
    changed = overrides or {}

    def script(request: Request) -> str | Answer:
        given = changed.get(request.id, changed.get(request.agent))
        if given is None:
            return good(request)
        return given(request) if callable(given) else given

    return script


def turns(place: str, *answers: Override) -> dict[str, Override]:
    """Overrides for the turns of one agent in one attempt (`milestone-1-mvp/impl/1`), from 1 on."""
    return {f"{place}/{turn}": given for turn, given in enumerate(answers, 1)}


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    ).stdout.strip()


@dataclass
class Played:
    """A run that was driven through the front door, and everything that can be seen of it."""

    orchestrator: Orchestrator
    model: Scripted
    events: list[Event]
    home: Path
    report: Report | None = None

    @property
    def ids(self) -> list[str]:
        """The requests in the order in which they were put."""
        return [one.id for one in self.model.requests]

    @property
    def folder(self) -> Path:
        assert self.orchestrator.folder is not None
        return self.orchestrator.folder.path

    @property
    def ledger(self) -> FileLedger:
        return FileLedger(self.folder / "ledger")

    @property
    def done(self) -> Report:
        assert self.report is not None
        return self.report

    def run(self) -> "Played":
        self.report = self.orchestrator.run()
        return self

    def request(self, name: str) -> Request:
        return next(one for one in self.model.requests if one.id == name)

    def told(self, name: str, material: str) -> str:
        """The named material of a request, "" when it has none."""
        found = re.search(
            rf'<material-(\w+) name="{material}">\n(.*?)\n</material-\1>',
            self.request(name).prompt,
            re.DOTALL,
        )
        return found[2] if found else ""

    def git(self, *words: str) -> str:
        return git(self.home / "greeter", *words)

    def of(self, kind: str) -> list[Event]:
        return [one for one in self.events if one.kind == kind]


def begin(
    home: Path,
    env: Mapping[str, str],
    overrides: Mapping[str, Override] | None = None,
    **settings: object,
) -> Played:
    """A run of `greeter(overrides)`, not yet begun: of the first milestone alone, when `overrides`
    give no other plan.
    """
    model = Scripted(greeter({"planner": ONE, **(overrides or {})}))
    events: list[Event] = []
    chosen = {"limits": Limits(mutants=0), **settings}
    made = Orchestrator(IDEA, folder=home, env=env, model=model, sinks=(events.append,), **chosen)
    return Played(made, model, events, home)


def play(
    home: Path,
    env: Mapping[str, str],
    overrides: Mapping[str, Override] | None = None,
    **settings: object,
) -> Played:
    return begin(home, env, overrides, **settings).run()


def good(request: Request) -> str:
    """What a good agent answers to `request`."""
    if request.agent == "planner":
        return json.dumps(PLAN)
    if request.agent == "reporter":
        return json.dumps(ASSESSMENT)
    number, word = request.scope.split("-")[1], WORDS[request.scope]
    make = {
        "spec": specification,
        "arch": architecture,
        "impl": code,
        "test": suite,
        "eval": evaluation,
    }
    return make[request.agent](number, word)


def said(word: str, name: str) -> str:
    return {
        "greet": f"Hello, {name}!",
        "shout": f"HELLO, {name.upper()}!",
        "whisper": f"hello, {name.lower()}...",
    }[word]


def _milestone(name: str, title: str, release: str, after: list[str]) -> dict[str, object]:
    number, word = name.split("-")[1], WORDS[name]
    text = f"`{word} NAME` prints {said(word, 'NAME')}"
    return {
        "id": name,
        "title": title,
        "release": release,
        "description": f"The command {word}.",
        "acceptance_criteria": [{"id": f"M{number}-C1", "text": text}],
        "dependencies": after,
        "feedback": [],
    }


PLAN = {
    "product_name": "greeter",
    "summary": "Greets from the shell.",
    "milestones": [
        _milestone("milestone-1-mvp", "Greet", "mvp", []),
        _milestone("milestone-2-shout", "Shout", "v1", ["milestone-1-mvp"]),
        _milestone("milestone-3-whisper", "Whisper", "v2", ["milestone-1-mvp"]),
    ],
}


def planned(after: Mapping[str, list[str]]) -> str:
    """A plan of the named milestones, each with its dependencies."""
    milestones = [
        {**_milestone(name, WORDS[name].title(), "v1", needed)} for name, needed in after.items()
    ]
    return json.dumps({**PLAN, "milestones": milestones})


ONE = planned({"milestone-1-mvp": []})
ASSESSMENT = {
    "summary": "A small greeter.",
    "risks": [{"title": "Names", "detail": "Any.", "severity": "low", "mitigation": "None."}],
    "failure_modes": [],
    "tech_debt": [{"shortcut": "No i18n", "consequence": "English only", "remedy": "gettext"}],
    "roadmap": [{"priority": 1, "title": "Languages", "why": "Asked for."}],
}


def check(number: str, word: str, visibility: str, name: str) -> dict[str, object]:
    return {
        "id": f"M{number}-C1-{visibility}-1",
        "criterion": f"M{number}-C1",
        "visibility": visibility,
        "title": f"{word} {name}",
        "steps": [
            {
                "kind": "command",
                "argv": [word, name],
                "stdin": "",
                "exit_code": 0,
                "stdout": [{"how": "equals", "text": said(word, name)}],
                "stderr": [],
                "files": [],
            }
        ],
    }


def specification(number: str, word: str, held: str = "Ada Lovelace") -> str:
    return json.dumps(
        {
            "prd": f"`{word} NAME` prints {said(word, 'NAME')}",
            "user_stories": [],
            "api_contracts": [],
            "data_model": [],
            "non_functional_requirements": [],
            "checks": [check(number, word, "shown", "Bob"), check(number, word, "held", held)],
            "corrections": [],
            "supersedes": [],
        }
    )


def architecture(number: str, word: str) -> str:
    return json.dumps(
        {
            "overview": f"Milestone {number}: one module for each command.",
            "folders": [{"path": "greeter", "purpose": "the product"}],
            "schemas": [],
            "service_boundaries": [],
            "internal_dependencies": [],
            "external_dependencies": [],
            "technology_choices": [{"choice": "standard library", "rationale": "enough"}],
            "public_interface": f"python -m greeter {word} NAME",
            "launch": {"kind": "cli", "command": ["python", "-m", "greeter"], "module": "greeter"},
        }
    )


MAIN = '''"""The command line: each command is a module with `line(name)`."""

import importlib
import sys


def main(argv: list[str]) -> int:
    """Prints what the named command says; 2 when there is no such command."""
    if len(argv) != 2:
        print("error: give a command and a name", file=sys.stderr)
        return 2
    try:
        command = importlib.import_module(f"greeter.{argv[0]}")
    except ImportError:
        print(f"error: no command {argv[0]}", file=sys.stderr)
        return 2
    print(command.line(argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
'''
BODIES = {
    "greet": 'f"Hello, {name}!"',
    "shout": 'f"HELLO, {name.upper()}!"',
    "whisper": 'f"hello, {name.lower()}..."',
}


def file(path: str, content: str) -> str:
    return f"=== FILE {path} ===\n{content.rstrip()}\n=== END ===\n"


def edit(path: str, remove: str, add: str) -> str:
    return f"=== EDIT {path} ===\n--- REMOVE ---\n{remove}\n--- ADD ---\n{add}\n=== END ===\n"


def module(word: str, body: str = "") -> str:
    returns = body or BODIES[word]
    source = (
        f'"""Says {word}."""\n\n\ndef line(name: str) -> str:\n    """What to say to name."""\n'
    )
    return file(f"greeter/{word}.py", f"{source}    return {returns}\n")


def code(number: str, word: str, body: str = "", *, skeleton: bool = False) -> str:
    """The command's module; the first milestone, or `skeleton`, brings the package as well."""
    parts = [module(word, body)]
    if number == "1" or skeleton:
        parts.append(file("greeter/__init__.py", '"""A greeter."""'))
        parts.append(file("greeter/__main__.py", MAIN))
    return "\n".join(parts)


def suite(number: str, word: str, expected: str = "") -> str:
    wanted = expected or said(word, "Eve")
    contract = f'''"""Contract of {word}."""

import subprocess
import sys


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "greeter", *words], capture_output=True, text=True, timeout=20
    )


def test_m{number}_c1_{word}s():
    done = run("{word}", "Eve")
    assert done.stdout == "{wanted}\\n"
    assert done.returncode == 0
'''
    unit = f'''"""Units of {word}."""

from greeter import {word}


def test_line_of_{word}():
    assert {word}.line("Eve") == "{said(word, "Eve")}"
'''
    return file(f"tests/contract/test_m{number}_{word}.py", contract) + file(
        f"tests/unit/test_m{number}_{word}_unit.py", unit
    )


def evaluation(number: str, word: str, score: int = 4, **changes: object) -> str:
    names = ("correctness", "code_quality", "security", "maintainability", "scalability")
    given: dict[str, object] = {
        "scores": [
            {"dimension": name, "score": score, "evidence": [f"greeter/{word}.py:1: a docstring"]}
            for name in names
        ],
        "criteria": [{"criterion": f"M{number}-C1", "met": True, "evidence": "the contract test"}],
        "findings": [],
        "culprit": "impl",
        "summary": "Fine.",
    }
    return json.dumps(given | changes)


def scored(*scores: int, culprit: str = "impl", unmet: tuple[str, ...] = ()) -> Evaluation:
    """An evaluation with these scores, in the order of the dimensions."""
    return Evaluation.model_validate(
        {
            "scores": [
                {"dimension": name, "score": score, "evidence": ["a.py:1: x"]}
                for name, score in zip(DIMENSIONS, scores or (4, 4, 4, 4, 4), strict=True)
            ],
            "criteria": [{"criterion": one, "met": False, "evidence": "no"} for one in unmet],
            "findings": [],
            "culprit": culprit,
            "summary": "",
        }
    )


def found(
    *red: str,
    outcome: str = "",
    reasons: tuple[str, ...] = (),
    shown: str = "passed",
    held: str = "passed",
    contract: int = 1,
    passed: int = 3,
    killed: bool = True,
) -> Verdict:
    """A verdict on one criterion, M1-C1: `red` tests, and how its two checks and mutants went."""
    bad = bool(red) or (shown, held, killed) != ("passed", "passed", True) or not contract
    said = outcome or ("fail" if bad else "pass")
    given = reasons or (() if said == "pass" else (f"it is a {said}",))
    return Verdict.model_validate(
        {
            "outcome": said,
            "reasons": given,
            "tests": {
                "total": passed + len(red),
                "passed": passed,
                "failed": len(red),
                "errors": 0,
                "skipped": 0,
                "coverage": 90,
                "tests": (),
                "failures": [
                    {"test": one, "file": one.split("::")[0], "error": f"E   {one} broke"}
                    for one in red
                ],
            },
            "checks": [
                {
                    "check": f"M1-C1-{visibility}-1",
                    "criterion": "M1-C1",
                    "visibility": visibility,
                    "outcome": came,
                    "detail": "expected 1" if visibility == "shown" and came != "passed" else "",
                }
                for visibility, came in (("shown", shown), ("held", held))
            ],
            "criteria": [
                {
                    "criterion": "M1-C1",
                    "met": not bad,
                    "contract_tests": contract,
                    "shown": int(shown == "passed"),
                    "held": int(held == "passed"),
                }
            ],
            "strength": [
                {
                    "kind": "body",
                    "name": "every body raises",
                    "outcome": "red" if killed else "green",
                }
            ],
            "lint": [],
            "sandbox": "process",
        }
    )


def tried(
    number: int,
    verdict: Verdict | None = None,
    evaluation: Evaluation | None = None,
    **changes: object,
) -> Attempt:
    """An attempt that came so far, through the real gate at the default settings."""
    return Attempt(
        number=number,
        cause="start",
        entry="spec",
        repairs=0,
        commit=f"{number:040d}",
        verdict=verdict,
        evaluation=evaluation,
        gate=judge(verdict, evaluation, threshold=350, floor=2),
        error="",
    ).model_copy(update=changes)
