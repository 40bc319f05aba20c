"""An agent's answer applied to a person's folder, under the rules that hold for Impl."""

from pathlib import Path

from pydantic import ValidationError

from orchestrator import changes
from orchestrator.agents.impl import may_implement, objections
from orchestrator.artifacts.changeset import ChangeSet, NewFile
from orchestrator.artifacts.evaluation import Edit
from orchestrator.artifacts.tree import Tree
from orchestrator.artifacts.values import Value
from orchestrator.project import reading, writing
from orchestrator.project.reading import Reading
from orchestrator.project.writing import Change
from orchestrator.verify.tampering import shadowing

MOST_ANSWER_BYTES = 2 * changes.MAX_BYTES
MOST_NAMED = 5


class Applied(Value):
    """What was done, sorted; or, when `problems` says why not, nothing."""

    problems: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


class Bundle(Value):
    """A ChangeSet as JSON, in which what is empty may be left out."""

    files: tuple[NewFile, ...] = ()
    edits: tuple[Edit, ...] = ()
    deletes: tuple[str, ...] = ()
    note: str = ""


def apply(answer: bytes, folder: Path) -> Applied:
    """Makes the changes of `answer`, marked blocks or JSON, in `folder`: all, or none of them.

    Raises Misuse when `folder` is no project's, Missing when the disk refuses.
    """
    said = parsed(answer)
    found = reading.read(folder)
    before = found.tree
    with reading.opened(folder) as root:
        after = changes.apply(said.changes, before, may=_Rule(found, said.changes, root))
    problems = said.problems
    if not isinstance(after, Tree):
        return Applied(problems=(*problems, *after.problems))
    made = writing.differences(before, after)
    standing = objections(before)
    problems = (*problems, *(one for one in objections(after) if one not in standing))
    if not made and not problems:
        problems = ("the answer changes nothing: every file is as it was",)
    if problems:
        return Applied(problems=problems)
    if refused := writing.write(folder, made):
        return Applied(problems=refused)
    return Applied(
        written=tuple(one.path for one in made if one.content is not None),
        deleted=tuple(one.path for one in made if one.content is None),
    )


def parsed(answer: bytes) -> changes.Parsed:
    """What `answer` says. It is JSON when it begins with a brace. A cut-off one is a problem."""
    if len(answer) > MOST_ANSWER_BYTES:
        return _unreadable(f"the answer has more than {MOST_ANSWER_BYTES} bytes")
    try:
        text = answer.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _unreadable(f"the answer is not UTF-8: {error.reason} at byte {error.start}")
    if text.lstrip().startswith("{"):
        return _bundle(text)
    found = changes.parse(text)
    if found.complete:
        return found
    cut = "the answer was cut off: its last block has no '=== END ==='"
    return found.model_copy(update={"problems": (*found.problems, cut)})


def _bundle(text: str) -> changes.Parsed:
    try:
        bundle = Bundle.model_validate_json(text)
    except ValidationError as error:
        told = [
            f"{'.'.join(map(str, one['loc'])) or 'JSON'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        ]
        return _unreadable(*(f"the answer is no ChangeSet: {one}" for one in told[:MOST_NAMED]))
    return changes.Parsed(
        changes=ChangeSet(**dict(bundle)),  # the same fields, all given
        problems=(),
        complete=True,
    )


def _unreadable(*problems: str) -> changes.Parsed:
    nothing = ChangeSet(files=(), edits=(), deletes=())
    return changes.Parsed(changes=nothing, problems=problems, complete=True)


class _Rule:
    """Impl's, and the disk's: nothing in what is left out when the folder is read, for nobody would
    see it, and nothing that cannot be written.
    """

    def __init__(self, found: Reading, said: ChangeSet, root: int) -> None:
        self._tree = found.tree
        self._left = {one.path: one.why for one in found.left_out}
        self._gone = frozenset(said.deletes)
        self._root = root

    def __call__(self, path: str) -> str:
        return self._left_out(path) or may_implement(path) or self._shadow(path) or self._way(path)

    def _left_out(self, path: str) -> str:
        parts = path.split("/")
        for depth, part in enumerate(parts, 1):
            place = "/".join(parts[:depth])
            if why := reading.not_ours(part) or self._left.get(place, ""):
                return f"{place!r} is no part of the project ({why})"
        return ""

    def _shadow(self, path: str) -> str:
        new = path not in self._tree
        return "; ".join(shadowing(Tree({path: b""}))) if new else ""

    def _way(self, path: str) -> str:
        new = path not in self._tree
        if new and path in self._gone:
            return ""  # that there is no such file is said of it already
        content = None if path in self._gone else b""
        return writing.obstacle(self._root, Change(path, content, new=new), self._gone)
