"""The client's model, scripted: each turn is decided from the conversation that it is sent.

It plays the skill as SKILL.md has it: the command form, the sub-agents' prompt and the order of
steps are read from the skill's text in the conversation.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.artifacts.exchange import Request
from tests.client.server import Body, Call, Turn
from tests.world import Script

NAME = "milestone-orchestrator"
GO_ON = "Go on with the milestone orchestrator's run in this folder."
Line = dict[str, Any]


@dataclass(frozen=True)
class Used:
    """A call in the conversation and what came of it, None while nothing did."""

    call: Call
    result: str | None
    bad: bool


@dataclass
class Conversation:
    """What a request of the client holds: `texts` of all sides but calls, `used` in order."""

    tools: dict[str, Body]
    texts: list[str] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)

    @property
    def opening(self) -> str:
        """All that was said before the first call."""
        return "\n".join(self.texts)

    def of(self, tool: str) -> list[Used]:
        return [one for one in self.used if one.call.tool == tool]


def conversation(body: Body) -> Conversation:
    blocks = [*_blocks(body)]
    results = {block["tool_use_id"]: block for kind, block in blocks if kind == "tool_result"}
    found = Conversation({tool["name"]: tool for tool in body.get("tools", [])})
    for kind, block in blocks:
        if kind == "text":
            found.texts.append(block["text"])
        elif kind == "tool_use":
            result = results.get(block["id"])
            found.used.append(
                Used(
                    Call(block["name"], block["input"]),
                    None if result is None else _text(result.get("content", "")),
                    bool(result and result.get("is_error")),
                )
            )
    return found


def _blocks(body: Body) -> Iterator[tuple[str, Body]]:
    for message in body["messages"]:
        content = message["content"]
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        for block in content:
            yield block["type"], block


def _text(content: str | list[Body]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content)


class Player:
    """`play(body)` is the model's turn. `script` answers what sub-agents are asked.

    `options` go to `start`. `seen` gets a line for every turn, `launched` counts the sub-agents for
    each request; `on_turn(who, turn)` is called before the turn is sent, with `who` "main" or the
    request's id.
    """

    def __init__(self, script: Script, idea: str) -> None:
        self.script = script
        self.options = ""
        self._idea = idea
        self.seen: list[str] = []
        self.launched: Counter[str] = Counter()
        self.on_turn: Callable[[str, Turn], None] = lambda _who, _turn: None

    def __call__(self, body: Body) -> Turn:
        talk = conversation(body)
        if not talk.tools:
            return "A title"
        paths = _paths(talk)
        who, turn = self._agent(talk, *paths) if paths else ("main", self._main(talk))
        self._log(who, talk, turn)
        self.on_turn(who, turn)
        return turn

    def _log(self, who: str, talk: Conversation, turn: Turn) -> None:
        if talk.used and talk.used[-1].result is not None:
            last = talk.used[-1]
            state = "ERROR " if last.bad else ""
            self.seen.append(f"{who:>26} <- {last.call.tool}: {state}{_short(last.result or '')}")
        if isinstance(turn, str):
            self.seen.append(f"{who:>26} says {_short(turn)}")
        for call in () if isinstance(turn, str) else turn:
            shown = ("command", "description", "file_path", "skill")
            said = next(str(call.given[one]) for one in shown if one in call.given)
            self.seen.append(f"{who:>26} -> {call.tool}: {_short(said)}")
            if answer := _prompted(call):
                self.launched[_named(Path(answer).name)] += 1

    def _agent(self, talk: Conversation, request: str, answer: str) -> tuple[str, Turn]:
        """A sub-agent's turn: read, write, say so."""
        who = _named(Path(request).name)
        read, written = talk.of("Read"), talk.of("Write")
        if not read:
            return who, (Call("Read", {"file_path": request}),)
        head = re.search(r"# Request ([\w/-]+)", read[-1].result or "")
        if read[-1].bad or head is None:
            return who, f"FAILED to read: {read[-1].result}"
        if not written:
            said = self.script(_request(head[1], read[-1].result or ""))
            assert isinstance(said, str)
            return who, (Call("Write", {"file_path": answer, "content": said}),)
        if written[-1].bad:
            return who, f"FAILED to write: {written[-1].result}"
        return who, f"WROTE {answer}"

    def _main(self, talk: Conversation) -> Turn:
        """The turn of the session that has the skill."""
        text = next((one for one in talk.texts if "Base directory for this skill" in one), "")
        if not text:
            if talk.of("Skill"):
                return f"STUCK: the skill did not load: {talk.of('Skill')[-1].result}"
            listed = re.search(rf"^- (\S*\b{NAME})\b", "\n".join(talk.texts), re.MULTILINE)
            if listed is None:
                return "STUCK: no such skill"
            return (Call("Skill", {"skill": listed[1].rstrip(":")}),)
        return _Session(talk, text, f"'{self._idea}'{self.options}").turn()


class _Session:
    """The session once the skill is loaded: `skill` is its text, `given` what `start` gets."""

    def __init__(self, talk: Conversation, skill: str, given: str) -> None:
        form = re.search(r'^ {4}(uvx --from "/.*" orchestrate) \.\.\.$', skill, re.MULTILINE)
        assert form is not None, skill[:2000]
        quoted = re.search(r"((?:^ {3}> .*\n)+)", skill, re.MULTILINE)
        assert quoted is not None, skill
        self._talk = talk
        self._form = form[1]
        self._prompt = " ".join(quoted[1].replace("   > ", "").split())
        self._given = given
        self._ran = talk.of("Bash")
        self._lines = [_line(one.result or "") for one in self._ran]

    def turn(self) -> Turn:
        again = any(GO_ON in one for one in self._talk.texts)
        last = self._talk.used[-1]
        if last.call.tool == "Bash" and last.bad:
            return f"STUCK: {last.result}"
        if not self._ran:
            return self._run("next" if again else f"start {self._given}")
        line = self._lines[-1]
        if line is None:
            return self._run("next")
        return {
            "request": self._request,
            "working": lambda _line: self._run("next"),
            "needs_user": lambda line: f"NEEDS USER: {line['question']}",
            "done": self._end,
            "failed": self._end,
            "error": lambda line: f"STUCK: {line['error']}",
        }[line["status"]](line)

    def _run(self, words: str) -> Turn:
        command = f"{self._form} {words}"
        return (Call("Bash", {"command": command, "description": "Runs the orchestrator"}),)

    def _request(self, line: Line) -> Turn:
        assert line["command"] == f"{self._form} submit {line['id']}", "no rule permits it"
        waiting = [*_waiting(line)]
        submitted = [one.call.given["command"].split()[-1] for one in self._ran]
        if any(GO_ON in one for one in self._talk.texts):
            first = next(one for one in self._lines if one and one["status"] == "request")
            for name, _, _ in _waiting(first):
                if name not in submitted:
                    return self._run(f"submit {name}")
        told = {_prompted(one.call): one for one in self._talk.used if _prompted(one.call)}
        for name, _, answer in waiting:
            if answer not in told:
                continue
            if f"WROTE {answer}" not in (told[answer].result or ""):
                return f"STUCK: no answer to {name}: {told[answer].result}"
            if not self._submitted_since(name, told[answer]):
                return self._run(f"submit {name}")
        if new := [one for one in waiting if one[2] not in told]:
            return tuple(self._launch(*one) for one in new)
        return f"STUCK: submitted and still asked: {line}"

    def _submitted_since(self, name: str, launched: Used) -> bool:
        after = self._talk.used[self._talk.used.index(launched) :]
        return any(one.call.given.get("command", "").endswith(f"submit {name}") for one in after)

    def _launch(self, name: str, request: str, answer: str) -> Call:
        tool = "Agent" if "Agent" in self._talk.tools else "Task"
        takes = self._talk.tools[tool]["input_schema"]["properties"]
        prompt = self._prompt.replace("REQUEST_FILE", request).replace("ANSWER_FILE", answer)
        given = {
            "description": f"Answer {name}"[:40],
            "prompt": prompt,
            "subagent_type": "general-purpose",
            "run_in_background": False,
        }
        return Call(tool, {key: value for key, value in given.items() if key in takes})

    def _end(self, line: Line) -> Turn:
        read = self._talk.of("Read")
        if not read:
            return (Call("Read", {"file_path": line["report"]}),)
        if read[-1].bad:
            return f"STUCK: {read[-1].result}"
        states = ", ".join(f"{name} {state}" for name, state in line["milestones"].items())
        return f"FINISHED {line['status']}: {states}; product {line['product']}"


def _waiting(line: Line) -> Iterator[tuple[str, str, str]]:
    """Id, request file and answer file of all that waits."""
    yield line["id"], line["request_file"], line["answer_file"]
    for one in line.get("also_waiting", []):
        folder = Path(line["folder"])
        yield one["id"], str(folder / one["request"]), str(folder / one["answer"])


def _line(result: str) -> Line | None:
    """The tool's line, whatever stands before it."""
    for text in reversed(result.splitlines()):
        if text.startswith('{"schema":1,'):
            return json.loads(text)
    return None


def _prompted(call: Call) -> str:
    """The answer file that a sub-agent was told, "" for other calls."""
    found = re.search(r"Create the file (/\S+) with", str(call.given.get("prompt", "")))
    return found[1] if found else ""


def _paths(talk: Conversation) -> tuple[str, str] | None:
    """The files that the session was opened with, when it is a sub-agent's."""
    for text in talk.texts:
        found = re.search(
            r"^Read the file (/\S+) to its end .*Create the file (/\S+) with", text, re.DOTALL
        )
        if found:
            return found[1], found[2]
    return None


def _named(file: str) -> str:
    return file.rpartition("-")[0].replace(".", "/")


def _request(name: str, text: str) -> Request:
    scope, agent, attempt, turn = name.split("/")
    return Request.model_validate(
        {
            "scope": scope,
            "agent": agent,
            "attempt": int(attempt),
            "turn": int(turn),
            "system": "",
            "blocks": (text,),
            "output_schema": "",
            "model": "host",
            "effort": "low",
            "max_tokens": 1,
        }
    )


def _short(text: str) -> str:
    """On one line, without the folders."""
    flat = re.sub(r"(?<![\w.-])/[^\s\"']*/(?=[^\s\"'/]+)", "", " ".join(text.split()))
    return flat if len(flat) <= 240 else f"{flat[:150]} ... {flat[-80:]}"
