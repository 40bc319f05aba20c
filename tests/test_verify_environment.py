"""Requirements, their lock and the environment built from it: real uv, an index on loopback."""

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing
from orchestrator.sandbox import Command, ExecResult
from orchestrator.sandbox.install import Errand, InstallSandbox, own
from orchestrator.sandbox.process import Process
from orchestrator.settings import SandboxName
from orchestrator.verify.environment import (
    Refused,
    Requirements,
    Uv,
    build,
    lock,
    provide,
    requirements,
)
from orchestrator.verify.environment.sealing import HOOK, seal
from tests.packages import Index, index, place, uv

__all__ = ["index", "place", "uv"]

pytestmark = pytest.mark.full
"""They build environments over and over: two minutes that `.ci/run` does not have."""


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


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            '[project]\nname = "a"\ndependencies = ["httpx >= 0.27", "Flask"]',
            ("httpx>=0.27", "Flask"),
        ),
        ('[project]\nname = "a"', ()),
        ("[tool.black]\nline-length = 100", ()),
    ],
)
def test_without_requirements_txt_the_project_table_says_what_is_needed(
    text: str, lines: tuple[str, ...]
) -> None:
    tree = Tree({"pyproject.toml": text.encode()})

    assert requirements(tree) == Requirements(lines=lines, source="pyproject.toml")
    assert requirements(tree.having({"requirements.txt": b"idna"})) == Requirements(lines=("idna",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[project]\ndependencies = ["idna", "-e ."]', "pyproject.toml: '-e .' is an option"),
        ('[project]\ndependencies = ["a @ file:///etc/passwd"]', "names a URL or a path"),
        ("[project", "pyproject.toml: cannot be read: Expected"),
        ("project = 3", "are no list of texts"),
        ('[project]\ndependencies = "idna"', "are no list of texts"),
        ("[project]\ndependencies = [1]", "are no list of texts"),
        ("a = " + "[" * 5000, "cannot be read"),
        ("a = " + "9" * 9000, "cannot be read"),
    ],
)
def test_a_project_table_that_cannot_be_used_is_one_line(text: str, said: str) -> None:
    refused = requirements(Tree({"pyproject.toml": text.encode()}))

    assert isinstance(refused, Refused)
    assert said in refused.problems[0]
    assert "\n" not in refused.problems[0]
    assert len(refused.problems) == 1


SANDBOXES: tuple[SandboxName, ...] = ("bubblewrap", "process")


@pytest.fixture(params=SANDBOXES)
def both(request: pytest.FixtureRequest, uv: Uv) -> Uv:
    """uv in the install sandbox, and as an ordinary process."""
    return replace(uv, sandbox=request.param)


def locked(uv: Uv, *lines: str) -> str:
    found = asyncio.run(lock(lines, uv))
    assert found.error == ""
    return found.text


def test_a_lock_pins_the_product_and_our_tools_with_hashes(both: Uv, index: Index) -> None:
    index.wheel("demo")

    text = locked(both, "demo>=1")

    assert [line for line in text.splitlines() if "==" in line] == [
        "coverage==7.17.3 \\",
        "demo==1.0 \\",
        "pytest==9.2.0 \\",
    ]
    assert text.count("--hash=sha256:") == 3


@pytest.mark.parametrize(
    ("requirement", "named"),
    [
        ("nowhere", "nowhere was not found"),
        ("demo==2", "demo==2"),
        ("sourced", "no usable wheels"),
        ("pytest<8", "pytest<8"),
    ],
)
def test_what_the_index_does_not_have_is_one_line_that_names_it(
    uv: Uv, index: Index, requirement: str, named: str
) -> None:
    index.wheel("demo")
    index.source_only("sourced")

    found = asyncio.run(lock((requirement,), uv))

    assert found.text == ""
    assert named in found.error
    assert "\n" not in found.error


def test_an_index_that_cannot_be_reached_is_no_answer(both: Uv, index: Index) -> None:
    index.close()

    with pytest.raises(Missing, match="uv failed"):
        asyncio.run(lock(("demo",), both))


def test_an_index_in_a_folder_is_for_the_process_sandbox_alone(uv: Uv, index: Index) -> None:
    env = {"UV_DEFAULT_INDEX": index.folder.as_uri()}
    assert "pytest" in locked(replace(uv, env=env, sandbox="process"))

    for given in (env, {"UV_INDEX": f"own={index.folder}"}, {"UV_FIND_LINKS": "a,/b"}):
        with pytest.raises(Missing, match="the install sandbox does not see"):
            asyncio.run(lock((), replace(uv, env=given)))


def test_a_wheel_for_other_machines_only_is_named_when_it_is_installed(
    both: Uv, index: Index
) -> None:
    index.wheel("native", tag="cp311-cp311-macosx_11_0_arm64")

    built = asyncio.run(build(locked(both, "native"), both))

    assert built.path is None
    assert "native" in built.error


def test_an_environment_is_built_once_even_by_two_at_a_time(both: Uv, index: Index) -> None:
    index.wheel("demo")

    async def twice() -> tuple[Path, Path]:
        text = (await lock(("demo",), both)).text
        return await asyncio.gather(provide(text, both), provide(text, both))

    first, second = asyncio.run(twice())

    assert first == second
    assert [path.name for path in first.parents[1].iterdir()] == [first.parent.name]
    (module,) = first.glob("lib/python*/site-packages/demo.py")
    status = module.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_nlink) == (0o444, os.geteuid(), 1)
    assert list(module.parent.glob("__pycache__/demo.*.pyc"))
    activate = (first / "bin" / "activate").read_text("utf-8")
    assert ".building" not in activate
    assert "/build" not in activate


def test_another_lock_is_another_environment(uv: Uv, index: Index) -> None:
    index.wheel("demo")

    bare, full = [asyncio.run(provide(locked(uv, *lines), uv)) for lines in ((), ("demo",))]

    assert bare != full
    assert not list(bare.glob("lib/python*/site-packages/demo.py"))


def test_reusing_an_environment_needs_neither_uv_nor_an_index(uv: Uv, index: Index) -> None:
    text = locked(uv)
    first = asyncio.run(provide(text, uv))
    index.close()
    shutil.rmtree(uv.cache / "uv-sandbox")

    again = asyncio.run(provide(text, replace(uv, program=Path("/nowhere"), checked=set())))

    assert again == first


def flip(path: Path) -> None:
    """One byte, and nothing else that a quick look would show."""
    status = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    path.chmod(status.st_mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def add(path: Path) -> None:
    path.with_name("more.pth").write_text("import os\n", "utf-8")


def permit(path: Path) -> None:
    path.chmod(0o666)


def relink(path: Path) -> None:
    link = path.parents[3] / "bin" / "python3"
    link.unlink()
    link.symlink_to("/bin/sh")


def unhash(path: Path) -> None:
    (path.parents[4] / "env.sha256").unlink()


@pytest.mark.parametrize("tamper", [flip, add, permit, relink, unhash])
def test_an_environment_that_was_changed_is_built_anew(
    uv: Uv, index: Index, tamper: Callable[[Path], None]
) -> None:
    index.wheel("demo")
    text = locked(uv, "demo")
    env = asyncio.run(provide(text, uv))
    (module,) = env.glob("lib/python*/site-packages/demo.py")
    tamper(module)

    again = asyncio.run(provide(text, replace(uv, checked=set())))

    assert again == env
    assert module.read_text("utf-8") == "VERSION = '1.0'\n"
    assert module.stat().st_mode & 0o777 == 0o444
    assert not module.with_name("more.pth").exists()
    assert (env / "bin" / "python3").readlink() == Path("python")
    assert asyncio.run(provide(text, replace(uv, checked=set(), program=Path("/nowhere")))) == env
    assert [path.name for path in env.parents[1].iterdir()] == [env.parent.name]


def test_an_environment_is_compared_once_by_each_user_of_it(uv: Uv) -> None:
    text = locked(uv)
    env = asyncio.run(provide(text, uv))
    other = replace(uv, checked=set())
    assert asyncio.run(provide(text, other)) == env
    inode = env.stat().st_ino
    flip(env / "pyvenv.cfg")

    assert asyncio.run(provide(text, other)).stat().st_ino == inode


def test_a_wheel_runs_nothing_while_it_is_installed(both: Uv, index: Index, place: Path) -> None:
    canary = place / "canary"
    canary.write_text("untouched", "utf-8")
    canary.chmod(0o666)
    index.wheel("evil", files={"evil.pth": f"import os; open({str(canary)!r}, 'w').write('hit')\n"})

    env = asyncio.run(provide(locked(both, "evil"), both))

    assert canary.read_text("utf-8") == "untouched"
    asyncio.run(Process().exec(command(env)))
    assert canary.read_text("utf-8") == "hit", "the .pth is no threat: the test shows nothing"


def command(env: Path) -> Command:
    return Command(
        argv=("{env}/bin/python", "-c", "pass"),
        tree=Tree(),
        environment=env,
        tools=None,
        seconds=30,
        memory_mib=512,
        processes=32,
        output_kib=64,
    )


def test_links_in_a_wheel_lead_nowhere(both: Uv, index: Index) -> None:
    index.wheel("linked", links={"one": "/etc/passwd", "two": "../../../../../../../etc/passwd"})

    env = asyncio.run(provide(locked(both, "linked"), both))

    (one,) = env.glob("lib/python*/site-packages/one")
    assert not one.is_symlink()
    assert one.read_text("utf-8") == "/etc/passwd"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("bad-1.0.data/data/pyvenv.cfg", "replaces the environment's own Python"),
        ("bad-1.0.data/data/bin/python", "reserved name"),
        ("bad-1.0.data/scripts/python", "reserved name"),
        (HOOK, "has a name that is ours"),
    ],
)
def test_a_wheel_that_takes_the_place_of_ours_is_refused(
    both: Uv, index: Index, path: str, said: str
) -> None:
    index.wheel("bad", files={path: "home = /etc\n"})

    built = asyncio.run(build(locked(both, "bad"), both))

    assert built.path is None
    assert said in built.error
    assert list((both.cache / "environments").iterdir()) == []


def absolute(env: Path, outside: Path) -> None:
    (env / "lib" / "link").symlink_to(outside)


def climbing(env: Path, outside: Path) -> None:
    (env / "lib" / "link").symlink_to(f"../../{outside.name}")


def by_way_of_a_link(env: Path, outside: Path) -> None:
    """Lexically it stays inside."""
    (env / "lib" / "up").symlink_to("..")
    (env / "lib" / "link").symlink_to(f"up/../{outside.name}")


def interpreter_elsewhere(env: Path, _outside: Path) -> None:
    (env / "lib" / "python").symlink_to("/bin/sh")


def other_name(env: Path, outside: Path) -> None:
    (env / "lib" / "link").hardlink_to(outside)


def pipe(env: Path, _outside: Path) -> None:
    os.mkfifo(env / "lib" / "pipe")


@pytest.mark.parametrize(
    "plant", [absolute, climbing, by_way_of_a_link, interpreter_elsewhere, other_name, pipe]
)
def test_what_leaves_an_environment_is_refused_and_not_followed(
    tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    env, outside = tmp_path / "env", tmp_path / "outside"
    (env / "bin").mkdir(parents=True)
    (env / "lib").mkdir()
    (env / "bin" / "python").symlink_to("/bin/sh")
    (env / "lib" / "lib64").symlink_to("../lib")
    outside.write_text("not yours", "utf-8")
    outside.chmod(0o640)
    assert seal(env, Path("/bin/sh").resolve()) == ""
    plant(env, outside)

    assert seal(env, Path("/bin/sh").resolve())

    assert outside.stat().st_mode & 0o777 == 0o640


LOOK = """
import json, os, sys, urllib.request
canary, url = sys.argv[1:]
def attempt(action):
    try:
        action()
    except OSError as error:
        return error.errno or type(error).__name__
    return "worked"
print(json.dumps({
    "env": dict(os.environ),
    "told": [open(f"/proc/{n}/cmdline").read() for n in os.listdir("/proc") if n.isdecimal()],
    "uid": os.getuid(),
    "canary": attempt(lambda: open(canary)),
    "sysctl": attempt(lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)),
    "index": attempt(lambda: urllib.request.urlopen(url, timeout=10)),
    "writable": [one for one in ("/", "/usr", "/etc", "/dev", "/build", "/cache", sys.prefix)
                 if attempt(lambda: open(one + "/probe", "w")) == "worked"],
    "status": [line for line in open("/proc/self/status") if line[:4] in ("CapE", "Secc", "NoNe")],
    "etc": sorted(os.listdir("/etc")),
}))
"""


def looked(uv: Uv, place: Path, url: str) -> ExecResult:
    canary = place / "home" / "canary"
    canary.parent.mkdir()
    canary.write_text("private", "utf-8")
    for folder in ("installing", "building"):
        own(place / folder, place)
    errand = Errand(
        argv=(str(uv.base), "-I", "-c", LOOK, str(canary), url),
        env={"HOME": "/tmp", "UV_INDEX_OWN_PASSWORD": "hunter2"},
        uv=uv.program,
        python=uv.base,
        cache=place / "installing",
        build=place / "building",
        seconds=60,
        memory_mib=1024,
        processes=64,
        output_kib=64,
    )
    return asyncio.run(InstallSandbox(place).exec(errand))


def test_the_install_sandbox_has_the_index_and_nothing_of_the_host(
    uv: Uv, place: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")

    result = looked(uv, place, index.url)

    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    assert set(seen["env"]) - {"PWD", "LC_CTYPE"} == {"HOME", "UV_INDEX_OWN_PASSWORD"}
    assert seen["env"]["UV_INDEX_OWN_PASSWORD"] == "hunter2"
    assert not [line for line in seen["told"] if "hunter2" in line]
    assert "sk-canary" not in result.stdout
    assert (seen["uid"], seen["canary"], seen["sysctl"]) == (65534, errno.ENOENT, errno.EACCES)
    assert seen["index"] == "worked"
    assert seen["writable"] == ["/build", "/cache"]
    assert [line.split()[1] for line in seen["status"]][:3] == ["0000000000000000", "1", "2"]
    assert "shadow" not in seen["etc"]
    assert (place / "building" / "probe").stat().st_uid == (
        65534 if os.geteuid() == 0 else os.geteuid()
    )


def test_what_the_user_sets_for_the_index_reaches_uv_and_nothing_else_does(
    uv: Uv, place: Path
) -> None:
    """A certificate file that nobody else may read is shown; one that is not there is named."""
    certificates = place / "own.pem"
    certificates.write_text("", "utf-8")
    certificates.chmod(0o600)
    mine = {**uv.env, "SSL_CERT_FILE": str(certificates), "UV_CONFIG_FILE": "/nowhere.toml"}

    assert "pytest" in locked(replace(uv, env=mine))

    certificates.unlink()
    with pytest.raises(Missing, match=r"own\.pem, which SSL_CERT_FILE names"):
        asyncio.run(lock((), replace(uv, env=mine)))


def test_a_sandbox_that_does_not_start_comes_with_its_remedy(uv: Uv, place: Path) -> None:
    """As root, whose rights are dropped, the cache must be open to others."""
    if os.geteuid() != 0:
        pytest.skip("an ordinary user reaches its own folders")
    place.chmod(0o700)

    with pytest.raises(Missing, match="another user cannot reach") as stop:
        asyncio.run(lock((), uv))

    assert "0755" in stop.value.remedy
