"""Requirements, their lock and the environment built from it: real uv, an index in a folder."""

import asyncio
import base64
import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing
from orchestrator.verify.environment import (
    OUR_TOOLS,
    Refused,
    Requirements,
    Uv,
    build,
    lock,
    provide,
    requirements,
)
from tests.verification import BIN


def asked(text: str) -> Requirements | Refused:
    return requirements(Tree({"requirements.txt": text.encode()}))


def test_names_extras_versions_and_markers_are_accepted() -> None:
    text = """
    # what we need
    httpx[http2]>=0.27,<1  # the client
    Flask ~= 3.0; python_version >= "3.11"

    httpx[http2]>=0.27,<1
    """

    assert asked(text) == Requirements(
        lines=("httpx[http2]<1,>=0.27", 'Flask~=3.0; python_version >= "3.11"')
    )
    assert requirements(Tree({})) == Requirements(lines=())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-e .", "option"),
        ("-r more.txt", "option"),
        ("--index-url https://evil.example/simple", "option"),
        ("flask @ https://evil.example/flask.whl", "URL"),
        ("git+https://evil.example/flask.git", "URL"),
        ("file:///etc/passwd", "URL"),
        ("./local", "not a requirement"),
        ("flask==", "not a requirement"),
        ("flask \\", "not a requirement"),
        ("fl\x07ask", "control characters"),
        ("a" * 400, "too long"),
    ],
)
def test_any_other_line_is_refused_with_its_number(line: str, reason: str) -> None:
    refused = asked(f"httpx\n{line}\n")

    assert isinstance(refused, Refused)
    assert refused.problems[0].startswith("requirements.txt line 2: ")
    assert reason in refused.problems[0]


def test_more_requirements_than_anybody_needs_are_refused() -> None:
    assert isinstance(asked("\n".join(f"package{number}" for number in range(41))), Refused)


def wheel(folder: Path, name: str, version: str, tag: str = "py3-none-any") -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    rows = [f"{path},sha256={digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"])
    with zipfile.ZipFile(listed(folder, name, f"{name}-{version}-{tag}.whl"), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def listed(folder: Path, name: str, file: str) -> Path:
    """Where `file` goes in the index: on the page of `name`, as its only link."""
    (folder / name).mkdir()
    (folder / name / "index.html").write_text(f'<a href="{file}">{file}</a>', "utf-8")
    return folder / name / file


def digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def source_only(folder: Path, name: str) -> None:
    with tarfile.open(listed(folder, name, f"{name}-1.0.tar.gz"), "w:gz") as archive:
        for path, text in {
            "setup.py": "raise SystemExit('built')",
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        }.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


@pytest.fixture
def uv(tmp_path: Path) -> Uv:
    index = tmp_path / "index"
    index.mkdir()
    for tool in OUR_TOOLS:
        wheel(index, *tool.split("=="))
    wheel(index, "demo", "1.0")
    wheel(index, "native", "1.0", "cp311-cp311-macosx_11_0_arm64")
    source_only(index, "sourced")
    return Uv(
        program=BIN / "uv",
        python=Path(sys.executable),
        cache=tmp_path / "cache",
        env={"UV_DEFAULT_INDEX": index.as_uri()},
    )


def test_a_lock_pins_the_product_and_our_tools_with_hashes(uv: Uv) -> None:
    locked = asyncio.run(lock(("demo>=1",), uv))

    assert locked.error == ""
    assert [line for line in locked.text.splitlines() if "==" in line] == [
        "coverage==7.17.3 \\",
        "demo==1.0 \\",
        "pytest==9.2.0 \\",
    ]
    assert locked.text.count("--hash=sha256:") == 3


@pytest.mark.parametrize(
    ("requirement", "named"),
    [
        ("nowhere", "nowhere"),
        ("demo==2", "demo==2"),
        ("sourced", "no usable wheels"),
        ("pytest<8", "pytest<8"),
    ],
)
def test_what_the_index_does_not_have_is_one_line_that_names_it(
    uv: Uv, requirement: str, named: str
) -> None:
    locked = asyncio.run(lock((requirement,), uv))

    assert locked.text == ""
    assert named in locked.error
    assert "\n" not in locked.error


def test_an_index_that_cannot_be_reached_is_no_answer(uv: Uv) -> None:
    deaf = uv.model_copy(
        update={"env": {"UV_DEFAULT_INDEX": "http://127.0.0.1:9", "UV_HTTP_RETRIES": "0"}}
    )

    with pytest.raises(Missing, match="uv failed"):
        asyncio.run(lock(("demo",), deaf))


def test_a_wheel_for_other_machines_only_is_named_when_it_is_installed(uv: Uv) -> None:
    text = asyncio.run(lock(("native",), uv)).text

    built = asyncio.run(build(text, uv))

    assert built.path is None
    assert "native" in built.error


def test_an_environment_is_built_once_even_by_two_at_a_time(uv: Uv) -> None:
    async def both() -> tuple[Path, Path]:
        text = (await lock(("demo",), uv)).text
        return await asyncio.gather(provide(text, uv), provide(text, uv))

    first, second = asyncio.run(both())

    assert first == second
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    (module,) = first.glob("lib/python*/site-packages/demo.py")
    assert module.stat().st_mode & 0o004
    assert module.stat().st_nlink == 1
    assert list(module.parent.glob("__pycache__/demo.*.pyc"))
    assert str(first.parent / ".building") not in (first / "bin" / "activate").read_text("utf-8")


def test_another_lock_is_another_environment(uv: Uv) -> None:
    texts = [asyncio.run(lock(lines, uv)).text for lines in ((), ("demo",))]

    bare, full = [asyncio.run(provide(text, uv)) for text in texts]

    assert bare != full
    assert not list(bare.glob("lib/python*/site-packages/demo.py"))
