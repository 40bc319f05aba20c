"""Plans of any size for the scripted model: each milestone is a command of its own."""

import asyncio
import json

from orchestrator.artifacts.exchange import Answer, Request
from tests.world import ASSESSMENT, MAIN, answer, architecture, file


def name_of(number: int) -> str:
    return f"milestone-{number}-part"


def plan(after: dict[int, tuple[int, ...]]) -> str:
    """Milestones by number, each with those that it needs."""
    milestones = [
        {
            "id": name_of(number),
            "title": f"Part {number}",
            "release": "v1",
            "description": f"The command part{number}.",
            "acceptance_criteria": [
                {"id": f"M{number}-C1", "text": f"`part{number} NAME` prints NAME and {number}"}
            ],
            "dependencies": [name_of(one) for one in needed],
            "feedback": [],
        }
        for number, needed in after.items()
    ]
    return json.dumps({"product_name": "greeter", "summary": "Parts.", "milestones": milestones})


class Crowd:
    """A model that takes `seconds` for each answer."""

    def __init__(self, after: dict[int, tuple[int, ...]], seconds: float) -> None:
        self._plan = plan(after)
        self.seconds = seconds

    async def complete(self, request: Request) -> Answer:
        if request.scope != "run":
            await asyncio.sleep(self.seconds)
        return answer(self._said(request))

    def _said(self, request: Request) -> str:
        if request.agent == "planner":
            return self._plan
        if request.agent == "reporter":
            return json.dumps(ASSESSMENT)
        number = request.scope.split("-")[1]
        return {
            "spec": specification,
            "arch": lambda one: architecture(one, f"part{one}"),
            "impl": code,
            "test": suite,
            "eval": evaluation,
        }[request.agent](number)


def specification(number: str) -> str:
    def check(visibility: str, given: str) -> dict[str, object]:
        step = {
            "kind": "command",
            "argv": [f"part{number}", given],
            "stdin": "",
            "exit_code": 0,
            "stdout": [{"how": "equals", "text": f"{given} {number}"}],
            "stderr": [],
            "files": [],
        }
        return {
            "id": f"M{number}-C1-{visibility}-1",
            "criterion": f"M{number}-C1",
            "visibility": visibility,
            "title": "",
            "steps": [step],
        }

    return json.dumps(
        {
            "prd": f"`part{number} NAME` prints NAME and {number}",
            "user_stories": [],
            "api_contracts": [],
            "data_model": [],
            "non_functional_requirements": [],
            "checks": [check("shown", "Bob"), check("held", "Ada")],
            "corrections": [],
            "supersedes": [],
        }
    )


def code(number: str) -> str:
    source = (
        f'"""Part {number}."""\n\n\ndef line(name: str) -> str:\n    """What to say to name."""\n'
        f'    return f"{{name}} {number}"\n'
    )
    return "".join(
        (
            file(f"greeter/part{number}.py", source),
            file("greeter/__init__.py", '"""Parts."""'),
            file("greeter/__main__.py", MAIN),
        )
    )


def suite(number: str) -> str:
    test = (
        f'"""Contract of part {number}."""\n\nfrom greeter import part{number}\n\n\n'
        f"def test_m{number}_c1_says():\n"
        f'    assert part{number}.line("Eve") == "Eve {number}"\n'
    )
    return file(f"tests/contract/test_m{number}_part.py", test)


def evaluation(number: str) -> str:
    names = ("correctness", "code_quality", "security", "maintainability", "scalability")
    evidence = [f"greeter/part{number}.py:1: a docstring"]
    return json.dumps(
        {
            "scores": [{"dimension": one, "score": 4, "evidence": evidence} for one in names],
            "criteria": [{"criterion": f"M{number}-C1", "met": True, "evidence": "its test"}],
            "findings": [],
            "culprit": "impl",
            "summary": "Fine.",
            "exemptions": [],
        }
    )
