"""What Impl and Test give: whole files, edits and deletions."""

from orchestrator.artifacts.evaluation import Edit
from orchestrator.artifacts.values import Value


class NewFile(Value):
    path: str
    content: str


class ChangeSet(Value):
    files: tuple[NewFile, ...]
    edits: tuple[Edit, ...]
    deletes: tuple[str, ...]
    note: str = ""
    """What the agent wrote outside its blocks: the reason for a revised test."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path touched, sorted, each once."""
        named = [one.path for one in self.files] + [one.path for one in self.edits]
        return tuple(sorted({*named, *self.deletes}))

    @property
    def empty(self) -> bool:
        return not self.paths
