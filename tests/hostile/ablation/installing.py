"""The layers of installing, taken away one by one, with an index of our own on loopback."""

import asyncio
import io
import os
import shutil
import socket
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing
from orchestrator.machine import uv_program
from orchestrator.verify import environment
from orchestrator.verify.environment import OUR_TOOLS, Uv, building
from orchestrator.verify.environment import uv as calling
from tests.hostile.ablation.row import Case, Measured, Place
from tests.hostile.ablation.weakened import patched
from tests.packages import Index

Values = tuple[tuple[Any, str, object], ...]
_BACKEND = """import socket
def _harm():
    try:
        open({precious!r}, "a").write("hostile")
    except OSError:
        pass
    try:
        socket.create_connection(("127.0.0.1", {port}), 3)
    except OSError:
        pass
_harm()
"""


class Away(NamedTuple):
    """`words` are left out of uv's, `values` of modules replaced; `process` is no install sandbox,
    `parser` and `list` are not asked.
    """

    words: tuple[str, ...] = ()
    values: Values = ()
    process: bool = False
    parser: bool = False
    known: bool = False


class Scene:
    """An index, a canary server, a precious file, and uv that knows them."""

    def __init__(self, base: Path, away: Away) -> None:
        base.mkdir(mode=0o755)
        (base / "index").mkdir()
        self.base, self.away = base, away
        self.index = Index(base / "index")
        for tool in OUR_TOOLS:
            self.index.wheel(*tool.split("=="))
        self.server = socket.create_server(("127.0.0.1", 0))
        self.precious = base / "precious"
        self.precious.write_text("precious")
        self.precious.chmod(0o666)
        self.uv = Uv(
            program=uv_program(),
            python=Path(sys.executable),
            cache=base / "cache",
            env={
                "UV_DEFAULT_INDEX": self.index.url,
                "UV_HTTP_RETRIES": "0",
                "UV_HTTP_TIMEOUT": "2",
            },
            sandbox="process" if away.process else "bubblewrap",
        )

    def locked(self, text: str) -> str:
        """The lock of the requirements in `text`, "" when they are refused."""
        asked = environment.requirements(Tree({"requirements.txt": text.encode()}))
        if not isinstance(asked, environment.Requirements):
            print(asked.problems)
            if not self.away.parser:
                return ""
            lines = tuple(text.splitlines())
        else:
            lines = asked.lines
            if environment.unknown(lines, ("demo",)) and not self.away.known:
                print("not well known")
                return ""
        try:
            found = asyncio.run(environment.lock(lines, self.uv))
        except Missing as error:
            print(error)
            return ""
        print(found.error)
        return found.text

    def built(self, lock: str) -> Path | None:
        if not lock:
            return None
        try:
            made = asyncio.run(environment.build(lock, replace(self.uv, checked=set())))
        except Missing as error:
            print(error)
            return None
        print(made.error)
        return made.path

    def reached(self) -> Iterator[str]:
        """Canaries."""
        self.server.setblocking(False)
        with suppress(BlockingIOError):
            self.server.accept()[0].close()
            yield "the canary server was reached"
        if self.precious.read_text() != "precious":
            yield "the precious file was touched"

    @property
    def backend(self) -> str:
        """A build backend that reaches for the canaries."""
        port = self.server.getsockname()[1]
        return _BACKEND.format(precious=str(self.precious), port=port)


def _url(scene: Scene) -> Iterator[str]:
    port = scene.server.getsockname()[1]
    scene.index.wheel("demo")
    scene.locked(f"--extra-index-url http://127.0.0.1:{port}/simple\ndemo\n")
    yield from scene.reached()


def _editable(scene: Scene) -> Iterator[str]:
    project = scene.base / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(_PYPROJECT)
    (project / "backend.py").write_text(scene.backend)
    scene.locked(f"-e {project}\n")
    yield from scene.reached()


_PYPROJECT = (
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "demo"\ndynamic = ["version"]\n'
)


def _sources(scene: Scene) -> Iterator[str]:
    (scene.index.folder / "demo").mkdir()
    name = "demo-1.0.tar.gz"
    (scene.index.folder / "demo/index.html").write_text(f'<a href="{name}">{name}</a>')
    with tarfile.open(scene.index.folder / "demo" / name, "w:gz") as archive:
        for path, text in {
            "pyproject.toml": _PYPROJECT,
            "backend.py": scene.backend,
            "PKG-INFO": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        }.items():
            entry = tarfile.TarInfo(f"demo-1.0/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    scene.built(scene.locked("demo\n"))
    yield from scene.reached()


def _squatted(scene: Scene) -> Iterator[str]:
    scene.index.wheel("reqeusts")
    env = scene.built(scene.locked("reqeusts\n"))
    if env and list(env.rglob("reqeusts.py")):
        yield "the squatted package is installed"


def _swapped(scene: Scene) -> Iterator[str]:
    scene.index.wheel("demo")
    lock = scene.locked("demo\n")
    shutil.rmtree(scene.index.folder / "demo")
    shutil.rmtree(scene.uv.cache, ignore_errors=True)
    scene.index.wheel("demo", files={"swapped.py": ""})
    env = scene.built(lock)
    if env and list(env.rglob("swapped.py")):
        yield "another file than the locked one is installed"


def _poisoned(scene: Scene) -> Iterator[str]:
    lock = scene.locked("\n")
    env = scene.built(lock)
    assert env is not None
    (packages,) = env.glob("lib/python*/site-packages")
    packages.chmod(0o755)
    (packages / "poison.pth").write_text("import os\n")
    again = scene.built(lock)
    if again and list(again.rglob("poison.pth")):
        yield "the poisoned environment is used again"


def _anchored(scene: Scene) -> Iterator[str]:
    home = "home = /nowhere\n"
    scene.index.wheel("demo", files={"demo-1.0.data/data/pyvenv.cfg": home})
    env = scene.built(scene.locked("demo\n"))
    if env and (env / "pyvenv.cfg").read_text() == home:
        yield "a package's pyvenv.cfg is the environment's"


def _hooked(scene: Scene) -> Iterator[str]:
    scene.index.wheel("demo", files={"orchestrate_hooks.pth": "import os\n"})
    env = scene.built(scene.locked("demo\n"))
    if env and "import os\n" in [one.read_text() for one in env.rglob("orchestrate_hooks.pth")]:
        yield "a package's hook stands in the place of ours"


def _proof(
    act: Callable[[Scene], Iterator[str]], away: Away, behind: Away | None
) -> Callable[[Place], Measured]:
    def measure(place: Place) -> Measured:
        def tried(taken: Away, name: str) -> tuple[str, ...]:
            os.environ["PATH"] = "/usr/local/bin:/usr/bin:/bin"
            with patched(_values(taken)):
                return tuple(act(Scene(place.base / name, taken)))

        both = None if behind is None else tried(_both(away, behind), "both")
        return Measured(tried(Away(), "in-place"), tried(away, "without"), both)

    return measure


def _both(one: Away, other: Away) -> Away:
    return Away(
        one.words + other.words,
        one.values + other.values,
        one.process or other.process,
        one.parser or other.parser,
        one.known or other.known,
    )


def _values(away: Away, named: Any = calling._named) -> Values:
    """uv's words without those that are taken away."""

    def left(argv: tuple[str, ...], *places: str) -> tuple[str, ...]:
        text = "\0".join(argv)
        for words in away.words:
            text = text.replace("\0" + words.replace(" ", "\0"), "")
        return named(tuple(text.split("\0")), *places)

    return (*away.values, (calling, "_named", left))


def _case(
    protection: str,
    taken: str,
    project: str,
    act: Callable[[Scene], Iterator[str]],
    away: Away,
    *,
    behind: Away | None = None,
    **more: Any,
) -> Case:
    return Case(
        part="install",
        protection=protection,
        away=taken,
        project=project,
        measure=_proof(act, away, behind),
        **more,
    )


NO_SANDBOX = Away(process=True)
ANY_SOURCE = Away(words=("--only-binary :all:",))

CASES: tuple[Case, ...] = (
    _case(
        "requirement lines are parsed: no options",
        "handed to uv as they are",
        "index",
        _url,
        Away(parser=True),
        sign="the canary server was reached",
    ),
    _case(
        "requirement lines are parsed: no paths",
        "handed to uv as they are",
        "editable",
        _editable,
        Away(parser=True),
        behind=_both(NO_SANDBOX, ANY_SOURCE),
        layer="the install sandbox, which sees no project; wheels only",
        sign="the precious file was touched",
    ),
    _case(
        "the list of well-known packages",
        "not asked",
        "typosquat",
        _squatted,
        Away(known=True),
        sign="squatted",
    ),
    _case(
        "wheels only",
        "--only-binary :all: left out",
        "source-only",
        _sources,
        ANY_SOURCE,
        sign="the canary server was reached",
    ),
    _case(
        "the install sandbox",
        "uv as an ordinary process",
        "source-only",
        _sources,
        NO_SANDBOX,
        behind=ANY_SOURCE,
        layer="wheels only",
        sign="the precious file was touched",
    ),
    _case(
        "--require-hashes",
        "left out",
        "an index that swaps a wheel after it was locked",
        _swapped,
        Away(words=("--require-hashes",)),
        behind=Away(words=("--generate-hashes",)),
        layer="the hashes in the lock, which uv compares anyway",
        sign="another file",
    ),
    _case(
        "the hash of an environment",
        "not compared",
        "poisons-the-environment",
        _poisoned,
        Away(values=((building, "_intact", lambda _: True),)),
        sign="the poisoned environment",
    ),
    _case(
        "the environment's own Python stays",
        "not compared",
        "a wheel with a pyvenv.cfg",
        _anchored,
        Away(values=((building, "anchors", lambda _: ()),)),
        sign="a package's pyvenv.cfg",
    ),
    _case(
        "the seal: our names are ours",
        "nothing is sealed",
        "a wheel with our hook's name",
        _hooked,
        Away(values=((building, "seal", lambda *_: ""),)),
        sign="a package's hook",
    ),
)
