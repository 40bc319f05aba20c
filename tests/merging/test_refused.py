"""What no run can build on is refused before it is recorded, and what a record may bring in."""

import asyncio
import base64
import os
import shutil
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Changed
from orchestrator.ledger import FileLedger
from orchestrator.mainline import Mainline, Seen
from orchestrator.repo import Repo
from tests.merging.person import commits, person

GIT = Path(shutil.which("git") or "/usr/bin/git")
AT = "2026-01-02T03:04:05Z"


class Product:
    """A product that has begun, and a milestone whose turn to merge has come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "product"
        self.repo = Repo(self.folder, git=GIT, lock_fd=None)
        self.ledger = FileLedger(folder / "ledger")
        self.root = asyncio.run(self.repo.create(Tree({"a.txt": b"a\n"}), at=AT))

    def look(self) -> str:
        return asyncio.run(self._look())

    async def _look(self) -> str:
        made = await self.repo.commit(Tree(), parents=(self.root,), message="made", at=AT)
        return await Mainline(self.repo, self.ledger, "m").look(self.root, made)

    @property
    def decided(self) -> str | None:
        return self.ledger.decision("m/main/1")


@pytest.fixture
def product(tmp_path: Path) -> Product:
    return Product(tmp_path)


def test_more_than_can_be_recorded_is_refused_until_the_named_command(product: Product) -> None:
    commits(product.folder, "large.bin", os.urandom(17 * 1024 * 1024))
    with pytest.raises(Changed, match=r"main got 17 MiB .* at most 16") as caught:
        product.look()
    assert product.decided is None
    assert f"reset --soft {product.root}, commit without them" in caught.value.remedy
    person(product.folder, "reset", "-q", "--soft", product.root)
    person(product.folder, "rm", "-q", "--cached", "large.bin")
    made = commits(product.folder, "small.txt", "small\n")
    assert product.look() == made
    assert product.look() == made, "decided once"


def test_a_link_is_refused_until_a_commit_takes_it_away(product: Product) -> None:
    (product.folder / "link").symlink_to("a.txt")
    person(product.folder, "add", "link")
    person(product.folder, "commit", "-q", "-m", "link")
    with pytest.raises(Changed, match=r"'link' in commit .* is a symbolic link"):
        product.look()
    assert product.decided is None
    person(product.folder, "rm", "-q", "link")
    person(product.folder, "commit", "-q", "-m", "no link")
    assert product.look() == person(product.folder, "rev-parse", "main")


def recorded(product: Product, commit: str, pack: bytes) -> None:
    seen = Seen(commit=commit, pack=base64.b64encode(pack).decode())
    product.ledger.decide("m/main/1", seen.model_dump_json())


@pytest.mark.parametrize("name", [".git", "..", ".GIT"])
def test_a_record_brings_no_file_into_gits_folder_or_out_of_the_products(
    product: Product, tmp_path: Path, name: str
) -> None:
    """Recordings may come from anywhere; the commit is made as no git would make it."""
    other = Product(tmp_path / "other")
    person(other.folder, "switch", "-q", "--orphan", "inner")
    commits(other.folder, "hook", "hostile\n")
    inner = person(other.folder, "rev-parse", "HEAD^{tree}")
    content = f"40000 {name}\0".encode() + bytes.fromhex(inner)
    (tmp_path / "tree").write_bytes(content)
    words = ("hash-object", "-w", "-t", "tree", "--literally", str(tmp_path / "tree"))
    tree = person(other.folder, *words)
    commit = person(other.folder, "commit-tree", "-m", "hostile", "-p", other.root, tree)
    recorded(product, commit, asyncio.run(other.repo.pack(commit, other.root)))
    with pytest.raises(Changed, match="cannot be restored from its record"):
        product.look()
    assert asyncio.run(product.repo.main()) == product.root


@pytest.mark.parametrize(
    "broken", [b"", b"PACK", b"\0" * 64], ids=["nothing", "a beginning", "zeros"]
)
def test_a_broken_record_is_told_in_one_line(product: Product, broken: bytes) -> None:
    recorded(product, "1" * 40, broken)
    with pytest.raises(Changed, match="111111111111 of main cannot be restored"):
        product.look()


@pytest.mark.parametrize("value", ["", "{}", '{"commit": "--all", "pack": ""}'])
def test_a_decision_that_is_no_look_is_told_in_one_line(product: Product, value: str) -> None:
    product.ledger.decide("m/main/1", value)
    with pytest.raises(Changed, match="decision m/main/1 is not readable"):
        product.look()
