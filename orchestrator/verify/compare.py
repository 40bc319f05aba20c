"""What a step brought, held against what was expected: pure, and outside the product's reach."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from orchestrator.artifacts.checks import (
    CommandStep,
    HttpStep,
    Kind,
    Match,
    ParallelStep,
    PythonStep,
)
from orchestrator.artifacts.values import Value
from orchestrator.verify.pattern import Search

NOT_STARTED = re.compile(
    r"^\S*python[\d.]*: (No module named|can't (open file|find '__main__')|.* is a package and)",
    re.MULTILINE,
)
TRACEBACK = "Traceback (most recent call last)"
TYPES: Mapping[str, tuple[type, ...]] = {
    "<string>": (str,),
    "<integer>": (int,),
    "<number>": (int, float),
    "<boolean>": (bool,),
    "<array>": (list,),
    "<object>": (dict,),
}

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Ran(Value):
    """A command or a short program, as the driver saw it end."""

    trouble: Literal["", "timed out", "not started"] = ""
    exit_code: int = 0
    out: str = ""
    err: str = ""
    truncated: bool = False
    files: Mapping[str, str | None] = {}


class Answered(Value):
    """An exchange with the service; `err` is what the service wrote meanwhile, the end of it."""

    trouble: Literal[
        "", "timed out", "not started", "dropped", "it exited", "it does not listen"
    ] = ""
    reason: str = ""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    err: str = ""


class Together(Value):
    """What came of requests sent at once, in their order; one answer when the service is gone."""

    answers: tuple[Answered, ...]


class Mismatch(Value):
    """Why a step fails: its kind, and what was expected and came."""

    kind: Kind
    text: str


def ran(step: CommandStep | PythonStep, came: Ran, search: Search) -> Mismatch | None:
    """None when `came` is what `step` expects; `search` tries the patterns."""
    crash = crashed(came, step.exit_code)
    if crash:
        return crash
    if came.exit_code != step.exit_code:
        said = f"expected exit code {step.exit_code}, got {came.exit_code}"
        return Mismatch(kind="wrong exit code", text=f"{said}{_shown(came)}")
    if came.truncated:
        return Mismatch(kind="wrong output", text="stdout is too long")
    found = _first("stdout", step.stdout, came.out, search)
    if isinstance(step, CommandStep):
        found = found or _first("stderr", step.stderr, came.err, search)
        found = found or _files(step, came, search)
    return Mismatch(kind="wrong output", text=found) if found else None


def crashed(came: Ran, expected: int | None) -> Mismatch | None:
    """What no program should do; `expected` is its exit code, None when any will do."""
    if came.trouble == "timed out":
        return Mismatch(kind="timed out", text=f"it did not end in time{_shown(came)}")
    if came.trouble or NOT_STARTED.search(came.err):
        return Mismatch(kind="crashed", text=f"it could not be started{_shown(came)}")
    if came.exit_code == expected:
        return None
    if came.exit_code < 0:
        return Mismatch(kind="crashed", text=f"it died of signal {-came.exit_code}{_shown(came)}")
    if came.exit_code == 1 and TRACEBACK in came.err:
        return Mismatch(kind="crashed", text=f"an uncaught exception{_shown(came)}")
    return None


def answered(
    step: HttpStep, came: Answered, captured: Mapping[str, Json], search: Search
) -> Mismatch | None:
    """None when `came` is what `step` expects; `captured` are the values of earlier steps."""
    if came.trouble:
        return unserved(came)
    if came.status != step.status:
        said = f"expected status {step.status}, got {came.status}"
        return Mismatch(kind="wrong status", text=f"{said}{_content(came)}{_tail(came.err)}")
    found = _json(step, came, captured) or _first("body", step.body_matches, came.body, search)
    if found:
        return Mismatch(kind="wrong body", text=f"{found}{_content(came)}")
    found = _headers(step, came)
    return Mismatch(kind="wrong output", text=found) if found else None


def together(step: ParallelStep, came: Together) -> Mismatch | None:
    """None when the statuses are those that `step` expects, in whatever order."""
    for answer in came.answers:
        if answer.trouble:
            return unserved(answer)
    wanted = Counter(step.statuses)
    got = Counter(answer.status for answer in came.answers)
    if got == wanted:
        return None
    said = f"expected statuses {_sorted(wanted)} in any order, got {_sorted(got)}"
    surplus = [answer for answer in came.answers if got[answer.status] > wanted[answer.status]]
    more = "".join(f"{_content(answer)}{_tail(answer.err)}" for answer in surplus[:1])
    return Mismatch(kind="wrong status", text=f"{said}{more}")


def unserved(came: Answered) -> Mismatch:
    """Why the service gave no answer."""
    if came.trouble in ("timed out", "it does not listen"):
        said = "it did not listen on PORT" if "listen" in came.trouble else "no answer in time"
        return Mismatch(kind="timed out", text=f"the service: {said}{_tail(came.err)}")
    said = f"{came.trouble} {came.reason}".strip()
    return Mismatch(kind="crashed", text=f"the service: {said}{_tail(came.err)}")


def captures(step: HttpStep, came: Answered) -> dict[str, Json] | Mismatch:
    """The values that `step` names, out of the JSON answer."""
    found: dict[str, Json] = {}
    for pair in step.captures:
        value = _at(parsed(came.body), pair.value)
        if value is None:
            said = f"there is no value at {pair.value!r}{_content(came)}"
            return Mismatch(kind="wrong body", text=said)
        found[pair.name] = value
    return found


def fill(text: str, captured: Mapping[str, Json]) -> str:
    """`text` with each known `${name}` replaced; a value that is no string as its JSON."""

    def value(match: re.Match[str]) -> str:
        known = captured.get(match[1], match[0])
        return known if isinstance(known, str) else json.dumps(known)

    return re.sub(r"\$\{([^}]+)\}", value, text)


def agrees(match: Match, text: str, search: Search) -> bool | None:
    """None when a pattern came to no end."""
    if match.how == "equals":
        return match.text.replace("\r", "").rstrip() == text.replace("\r", "").rstrip()
    if match.how == "contains":
        return match.text in text
    if match.how == "absent":
        return match.text not in text
    return search(match.text, text)


def differs(expected: Json, got: Json, where: str = "") -> str:
    """ "" when `expected` is contained in `got`, otherwise the first place where it is not.

    An object's keys may be more; an array has as many elements, in this order.
    """
    place = where or "the body"
    if isinstance(expected, str) and (expected == "<any>" or expected in TYPES):
        fits = expected == "<any>" or _is(got, expected)
        return "" if fits else f"{place}: expected {expected}, got {_brief(got)}"
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, value in expected.items():
            if key not in got:
                return f"{place}: there is no {key!r}"
            if found := differs(value, got[key], f"{where}.{key}".lstrip(".")):
                return found
        return ""
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        every = (differs(a, b, f"{where}.{number}".lstrip(".")) for number, (a, b) in pairs)
        return next(filter(None, every), "")
    same = isinstance(expected, bool) == isinstance(got, bool) and expected == got
    return "" if same else f"{place}: expected {_brief(expected)}, got {_brief(got)}"


def parsed(text: str) -> Json:
    """None also for what is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json(step: HttpStep, came: Answered, captured: Mapping[str, Json]) -> str:
    if not step.json_subset:
        return ""
    try:
        got: Json = json.loads(came.body)
    except (ValueError, RecursionError):
        return "the body is not JSON"
    return differs(_filled(parsed(step.json_subset), captured), got)


def _filled(value: Json, captured: Mapping[str, Json]) -> Json:
    if isinstance(value, dict):
        return {key: _filled(one, captured) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, captured) for one in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\$\{([^}]+)\}", value)
    return captured[whole[1]] if whole and whole[1] in captured else fill(value, captured)


def _headers(step: HttpStep, came: Answered) -> str:
    for wanted in step.header_matches:
        got = [value for name, value in came.headers if name.lower() == wanted.name.lower()]
        if not any(wanted.value.lower() in value.lower() for value in got):
            return (
                f"header {wanted.name}: expected {wanted.value!r}, got {', '.join(got) or 'none'}"
            )
    return ""


def _files(step: CommandStep, came: Ran, search: Search) -> str:
    for file in step.files:
        content = came.files.get(file.path)
        if content is None:
            return f"file {file.path}: it is not there"
        if found := _first(f"file {file.path}", file.content, content, search):
            return found
    return ""


def _first(what: str, matches: tuple[Match, ...], text: str, search: Search) -> str:
    for match in matches:
        met = agrees(match, text, search)
        if met is None:
            return f"{what}: the pattern {match.text!r} ran out of time on {text[:500]!r}"
        if not met:
            verb = {"absent": "not to contain", "equals": "to equal", "contains": "to contain"}
            said = verb.get(match.how, "to match")
            return f"{what}: expected {said} {match.text[:500]!r}, got {text[:500]!r}"
    return ""


def _at(value: Json, path: str) -> Json:
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _is(got: Json, name: str) -> bool:
    return isinstance(got, TYPES[name]) and (name == "<boolean>" or not isinstance(got, bool))


def _sorted(statuses: Counter[int]) -> str:
    return ", ".join(map(str, sorted(statuses.elements())))


def _brief(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)[:300]


def _shown(came: Ran) -> str:
    return (f"\nstdout: {came.out.rstrip()[:400]}" if came.out.strip() else "") + _tail(came.err)


def _content(came: Answered) -> str:
    return f"\nbody: {came.body[:2000]}"


def _tail(err: str) -> str:
    return f"\nstderr: {err.rstrip()[-4000:]}" if err.strip() else ""
