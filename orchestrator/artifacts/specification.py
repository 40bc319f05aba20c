"""What a milestone must do, and the contract that decides whether it does."""

import ast
import json
import re
import warnings
from collections import Counter
from typing import Annotated, Literal

from orchestrator.artifacts.checks import (
    Call,
    Check,
    ClockStep,
    CommandStep,
    HttpStep,
    Match,
    ParallelStep,
    PythonStep,
    RestartStep,
    Step,
)
from orchestrator.artifacts.plan import Milestone
from orchestrator.artifacts.values import AnyCase, Value

LONGEST_ADVANCE = 10 * 365 * 24 * 3600
"""Seconds, of all clock steps of a check together."""
PRINTING = ("print", "sys.stdout.write", "stdout.write")
LONGEST_PATTERN = 500
AT_ONCE = range(2, 21)
HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")
"""As JSON writes it: an escape of the text itself, such as Python's, has two backslashes."""


class UserStory(Value):
    role: str
    want: str
    so_that: str
    criteria: tuple[str, ...]


class ApiContract(Value):
    """One entry point of the product: a command, an endpoint or a function."""

    name: str
    input: str
    output: str
    errors: str


class EntityField(Value):
    name: str
    type: str
    rules: str


class Entity(Value):
    name: str
    fields: tuple[EntityField, ...]


class Correction(Value):
    """An existing check is corrected or withdrawn: once each, and only with a reason."""

    check: str
    action: Annotated[Literal["correct", "withdraw"], AnyCase]
    reason: str


class Supersession(Value):
    """What this milestone makes wrong: an earlier test (node id, `path::name`) or criterion (id)."""  # noqa: E501

    test: str
    reason: str


class Specification(Value):
    prd: str
    user_stories: tuple[UserStory, ...]
    api_contracts: tuple[ApiContract, ...]
    data_model: tuple[Entity, ...]
    non_functional_requirements: tuple[str, ...]
    checks: tuple[Check, ...]
    corrections: tuple[Correction, ...]
    supersedes: tuple[Supersession, ...]

    @property
    def shown(self) -> tuple[Check, ...]:
        return tuple(one for one in self.checks if one.visibility == "shown")

    @property
    def held(self) -> tuple[Check, ...]:
        return tuple(one for one in self.checks if one.visibility == "held")

    def reported(self) -> tuple[Correction, ...]:
        """Every correction; the reason for one of a held check could tell its content."""
        kept = "the reason is kept back, as the check is"
        return tuple(
            one.model_copy(update={"reason": kept}) if "-held-" in one.check else one
            for one in self.corrections
        )

    def public(self) -> "Specification":
        """The specification as every agent but Spec sees it: no held check, nor the reason for
        changing one.
        """
        shown = {one.id for one in self.shown}
        return self.model_copy(
            update={
                "checks": self.shown,
                "corrections": tuple(one for one in self.corrections if one.check in shown),
            }
        )


def problems(specification: Specification, milestone: Milestone) -> tuple[str, ...]:
    """Every reason why the contract cannot decide the milestone; empty when it can."""
    criteria = {one.id for one in milestone.acceptance_criteria}
    found = [
        f"check id {name!r} is used {count} times"
        for name, count in Counter(one.id for one in specification.checks).items()
        if count > 1
    ]
    for check in specification.checks:
        if check.criterion not in criteria:
            found.append(
                f"check {check.id!r} names criterion {check.criterion!r}, not one of this milestone"
            )
        form = f"{check.criterion}-{check.visibility}-"
        if check.criterion in criteria and not re.fullmatch(
            re.escape(form) + "[1-9][0-9]*", check.id
        ):
            found.append(f"check id {check.id!r} is not of the form '{form}1'")
        found += [f"check {check.id!r}: {problem}" for problem in _check_problems(check)]
    for criterion in sorted(criteria):
        for visibility, checks in (("shown", specification.shown), ("held", specification.held)):
            if not any(one.criterion == criterion for one in checks):
                found.append(f"criterion {criterion!r} has no {visibility} check")
    return tuple(found)


def _check_problems(check: Check) -> list[str]:
    if not check.steps:
        return ["it has no steps"]
    found = [
        f"step {number}: {problem}"
        for number, step in enumerate(check.steps, 1)
        for problem in _step_problems(step)
    ]
    if all(isinstance(step, ClockStep | RestartStep) for step in check.steps):
        found.append("none of its steps expects anything")
    moved = sum(step.advance_seconds for step in check.steps if isinstance(step, ClockStep))
    if moved > LONGEST_ADVANCE:
        found.append(f"its clock moves {moved} seconds, more than {LONGEST_ADVANCE} (10 years)")
    return found


def _step_problems(step: Step) -> list[str]:
    found = [
        f"pattern {match.text[:LONGEST_PATTERN]!r} {reason}"
        for match in _matches(step)
        if match.how == "matches" and (reason := _bad_pattern(match.text))
    ]
    if NUL.search(step.model_dump_json()):
        found.append("it holds a NUL character, which no process can be given")
    if isinstance(step, HttpStep):
        found += _call_problems(step)
        if step.json_subset and (reason := _bad_json(step.json_subset)):
            found.append(f"json_subset is not JSON ({reason})")
    if isinstance(step, PythonStep) and (said := _answered_by_itself(step)):
        found.append(f"its own source prints {said!r}: print a value that the product computes")
    if isinstance(step, ClockStep) and step.advance_seconds < 1:
        found.append(f"advance_seconds is {step.advance_seconds}; the clock only goes forward")
    return found + _parallel_problems(step) if isinstance(step, ParallelStep) else found


def _answered_by_itself(step: PythonStep) -> str:
    """The expected output of which every line is printed as a constant or by a comparison, "" when
    there is none: the product runs in the same process, and could print it or equal anything.
    """
    try:
        nodes = [*ast.walk(ast.parse(step.source))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    calls = [one for one in nodes if isinstance(one, ast.Call)]
    printed = [given for one in calls if ast.unparse(one.func) in PRINTING for given in one.args]
    constants = [one.value for one in printed if isinstance(one, ast.Constant)]
    known = {line.strip() for one in constants for line in str(one).splitlines()}
    if any(_compares(one) for one in printed):
        known |= {"True", "False"}
    wanted = [one.text for one in step.stdout if one.how in ("equals", "contains") and one.text]
    own = (text for text in wanted if {line.strip() for line in text.splitlines()} <= known)
    return next(own, "")


def _compares(node: ast.expr) -> bool:
    return isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq)


def _parallel_problems(step: ParallelStep) -> list[str]:
    requests, statuses = len(step.requests), len(step.statuses)
    found = [problem for call in step.requests for problem in _call_problems(call)]
    if requests not in AT_ONCE:
        found.append(f"{requests} requests, not {AT_ONCE.start} to {AT_ONCE.stop - 1}")
    if requests != statuses:
        found.append(f"{requests} requests but {statuses} statuses")
    return found


def _call_problems(call: HttpStep | Call) -> list[str]:
    found: list[str] = []
    if not call.path.startswith("/"):
        found.append(f"path {call.path!r} does not start with '/'")
    if not re.fullmatch("[A-Za-z]+", call.method):
        found.append(f"method {call.method!r} is not a word of ASCII letters")
    for pair in call.headers:
        if not HEADER_NAME.fullmatch(pair.name) or not HEADER_VALUE.fullmatch(pair.value):
            found.append(f"header {pair.name!r}: {pair.value!r} cannot be sent")
    return found


def _matches(step: Step) -> tuple[Match, ...]:
    if isinstance(step, CommandStep):
        return step.stdout + step.stderr + tuple(m for file in step.files for m in file.content)
    if isinstance(step, PythonStep):
        return step.stdout
    return step.body_matches if isinstance(step, HttpStep) else ()


def _bad_pattern(pattern: str) -> str:
    if len(pattern) > LONGEST_PATTERN:
        return f"is longer than {LONGEST_PATTERN} characters"
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression ({error})"
    return ""


def _bad_json(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def merge(old: Specification, new: Specification) -> Specification | tuple[str, ...]:
    """`new` over `old`: checks are added, and each old one kept, or changed once with a reason.

    Returns the merged specification, or every reason why it is refused.
    """
    before = {one.id: one for one in old.checks}
    touched = {one.check for one in old.corrections}
    named = {one.check: one for one in new.corrections}
    found = [
        f"check {name!r} was already corrected once" for name in sorted(touched & named.keys())
    ]
    found += [
        f"correction of {name!r}: there is no such check" for name in named if name not in before
    ]
    found += [
        f"correction of {one.check!r} gives no reason"
        for one in named.values()
        if not one.reason.strip()
    ]
    for check in new.checks:
        changed = check.id in before and before[check.id] != check
        if changed and (check.id not in named or named[check.id].action != "correct"):
            found.append(f"check {check.id!r} was changed without a correction that says why")
    if found:
        return tuple(found)
    current = {one.id: one for one in new.checks}
    kept = [current.get(one.id, one) for one in old.checks if not _withdrawn(named.get(one.id))]
    added = [one for one in new.checks if one.id not in before]
    return new.model_copy(
        update={"checks": (*kept, *added), "corrections": old.corrections + new.corrections}
    )


def _withdrawn(correction: Correction | None) -> bool:
    return correction is not None and correction.action == "withdraw"
