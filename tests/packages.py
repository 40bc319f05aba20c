"""An index on loopback with wheels of our own making, and uv that knows no other."""

import base64
import functools
import hashlib
import io
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestrator.verify.environment import OUR_TOOLS, Uv

BIN = Path(sys.executable).parent


class Index:
    """A simple index in `folder`; `url` serves it, and `asked` are the paths that were got."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self._http = ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Quiet, self.asked, directory=str(folder))
        )
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def wheel(
        self,
        name: str,
        version: str = "1.0",
        tag: str = "py3-none-any",
        files: Mapping[str, str] | None = None,
        links: Mapping[str, str] | None = None,
    ) -> None:
        """A package with a module of its name, more `files`, and symbolic `links`."""
        info = f"{name}-{version}.dist-info"
        texts = {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
            **(files or {}),
            **(links or {}),
        }
        rows = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in texts.items()]
        texts[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"])
        with zipfile.ZipFile(self._listed(name, f"{name}-{version}-{tag}.whl"), "w") as archive:
            for path, text in texts.items():
                entry = zipfile.ZipInfo(path)
                entry.create_system = 3
                entry.external_attr = (0o120777 if path in (links or {}) else 0o100644) << 16
                archive.writestr(entry, text)

    def source_only(self, name: str) -> None:
        with tarfile.open(self._listed(name, f"{name}-1.0.tar.gz"), "w:gz") as archive:
            for path, text in {
                "setup.py": "raise SystemExit('built')",
                "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            }.items():
                entry = tarfile.TarInfo(f"{name}-1.0/{path}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))

    def _listed(self, name: str, file: str) -> Path:
        """Where `file` goes: on the page of `name`, as its only link."""
        (self.folder / name).mkdir()
        (self.folder / name / "index.html").write_text(f'<a href="{file}">{file}</a>', "utf-8")
        return self.folder / name / file


class _Quiet(SimpleHTTPRequestHandler):
    def __init__(self, asked: list[str], *args: Any, directory: str) -> None:
        self._asked = asked
        super().__init__(*args, directory=directory)

    def log_message(self, *_words: object) -> None:
        self._asked.append(self.path)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """With something in the place of our test tools."""
    folder = tmp_path / "index"
    folder.mkdir()
    made = Index(folder)
    for tool in OUR_TOOLS:
        made.wheel(*tool.split("=="))
    yield made
    made.close()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user may pass; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-test-") as folder:
        path = Path(folder).resolve()
        path.chmod(0o755)
        yield path


@pytest.fixture
def uv(index: Index, place: Path) -> Uv:
    return Uv(
        program=BIN / "uv",
        python=Path(sys.executable),
        cache=place / "cache",
        env={"UV_DEFAULT_INDEX": index.url, "UV_HTTP_RETRIES": "0"},
    )
