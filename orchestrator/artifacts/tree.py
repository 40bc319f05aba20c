"""A project's files as one immutable value: what a commit holds, without a checkout."""

import hashlib
from collections.abc import Iterator, Mapping


class Tree(Mapping[str, bytes]):
    """Relative POSIX path -> content, iterated in sorted order. Regular files only."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = dict(sorted((files or {}).items()))

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def digest(self) -> str:
        """SHA-256 over paths and contents, hexadecimal."""
        state = hashlib.sha256()
        for path, content in self._files.items():
            state.update(f"{len(path.encode())}:{path}:{len(content)}:".encode() + content)
        return state.hexdigest()

    def text(self, path: str) -> str:
        """The file as text; bytes that are not UTF-8 come out as replacement characters."""
        return self._files[path].decode("utf-8", "replace")

    def having(self, changed: Mapping[str, bytes], without: frozenset[str] = frozenset()) -> "Tree":
        """A copy with `changed` written over it and the paths in `without` gone."""
        kept = {path: content for path, content in self._files.items() if path not in without}
        return Tree(kept | dict(changed))
