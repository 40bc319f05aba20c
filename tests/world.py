"""A scripted world: a small product in three milestones, and a model that builds it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.artifacts.exchange import Answer, Request, Usage

Script = Callable[[Request], str | Answer]
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


def greeter(overrides: Mapping[str, str | Callable[[Request], str]] | None = None) -> Script:
    """The script of a run in which everything goes well.

    `overrides` replace the answer of one agent (`eval`), or of one request by its id
    (`milestone-1-mvp/impl/1/1`), with a text or a function.
    """
    changed = overrides or {}

    def script(request: Request) -> str:
        given = changed.get(request.id, changed.get(request.agent))
        if given is not None:
            return given if isinstance(given, str) else given(request)
        return good(request)

    return script


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


def module(word: str, body: str = "") -> str:
    returns = body or BODIES[word]
    source = (
        f'"""Says {word}."""\n\n\ndef line(name: str) -> str:\n    """What to say to name."""\n'
    )
    return file(f"greeter/{word}.py", f"{source}    return {returns}\n")


def code(number: str, word: str, body: str = "") -> str:
    parts = [module(word, body)]
    if number == "1":
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
