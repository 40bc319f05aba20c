"""Where a project keeps its tests and its importable sources."""

from pathlib import PurePosixPath

from orchestrator.artifacts.values import Value


class Layout(Value):
    """`tests` are folders (ending with "/") and single files; everything else is the product.

    `sources` are the folders from which the product is imported, "" for the project's own. The
    default is what every milestone has.
    """

    tests: tuple[str, ...] = ("tests/",)
    sources: tuple[str, ...] = ("",)

    def is_test(self, path: str) -> bool:
        return any(
            path == one or (one.endswith("/") and path.startswith(one)) for one in self.tests
        )

    def is_source(self, path: str) -> bool:
        """Whether `path` is a Python file of the product."""
        return PurePosixPath(path).suffix == ".py" and not self.is_test(path)


LAYOUT = Layout()
