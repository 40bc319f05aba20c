"""Runs pytest where the product cannot choose how, and reports over an inherited descriptor.

`boot.py DESCRIPTOR`, in the project folder; stdin has two lines, the nonce and what to run: the
product's files, all sources, the tests, the import roots, where fixtures may lie.
Each record is one line of JSON that carries the nonce. Nothing here imports the orchestrator.
"""

# pyright: basic, reportMissingImports=false

import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

PLUGINS = {"anyio": "anyio", "pytest_asyncio": "asyncio", "pytest_mock": "pytest_mock"}


class Recorder:
    """A pytest plugin: what happened, as it happens. A forked copy of this process is mute."""

    def __init__(self, descriptor: int, nonce: str) -> None:
        os.set_inheritable(descriptor, False)
        self._out = os.fdopen(descriptor, "wb")
        self._nonce = nonce
        self._process = os.getpid()
        self.failed = 0
        self.measuring = None

    def write(self, kind: str, **fields: object) -> None:
        if os.getpid() == self._process:
            record = {"nonce": self._nonce, "kind": kind, **fields}
            self._out.write(json.dumps(record).encode() + b"\n")
            self._out.flush()

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        if self.measuring:  # from the first line of the project's on; what pytest did until now
            self.measuring.start()  # takes twice as long while it is traced

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector):
        try:
            return (yield)
        except SystemExit as error:
            text = f"E   SystemExit: {error.code} (raised while {collector.nodeid} was imported)"
            return pytest.CollectReport(collector.nodeid, "failed", text, [])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.write("uncollected", id=report.nodeid, text=report.longreprtext)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.write("collected", ids=[item.nodeid for item in session.items])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.failed = session.testsfailed

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.write("start", id=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        text = report.longreprtext if report.failed else ""
        outcome = "skipped" if hasattr(report, "wasxfail") else report.outcome
        self.write("phase", id=report.nodeid, when=report.when, outcome=outcome, text=text)


def measuring(temp: str, files: list[str]):
    """What notes the lines that run, in this process and in every Python it starts; None where this
    environment's coverage has no tracer.
    """
    place = Path(__file__).with_name("measure.py")
    spec = importlib.util.spec_from_file_location("measure", place)
    assert spec is not None
    assert spec.loader is not None
    measure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measure)
    tracer = measure.tracing()
    if tracer is None:
        return None
    sys.modules[measure.MARK] = tracer
    data = Path(temp, "coverage")
    data.mkdir()
    told = Path(temp, "measure.json")
    told.write_text(json.dumps({"files": files, "to": str(data)}), "utf-8")
    os.environ["ORCHESTRATE_MEASURED"] = str(told)
    os.environ["ORCHESTRATE_HOOKS"] = str(place)
    return measure.Measure(tracer, files, str(data))


def measured(found, temp: str, files: list[str]) -> list[list[int]]:
    """The lines that ran, for each of `files`, wherever they ran."""
    sys.settrace(None)
    lines = started(Path(temp, "coverage"))
    for name, numbers in found.lines.items():
        lines.setdefault(name, set()).update(numbers)
    return [sorted(lines.get(path, ())) for path in files]


def started(folder: Path) -> dict[str, set[int]]:
    """The lines that the Pythons started by the tests ran, by file, as `measure` wrote them."""
    lines: dict[str, set[int]] = {}
    for path in folder.glob("*.json"):
        try:
            seen = json.loads(path.read_text("utf-8"))
            for name, numbers in seen.items():
                lines.setdefault(name, set()).update(map(int, numbers))
        except (OSError, ValueError, TypeError, AttributeError):
            continue  # torn by a kill, or the project's own
    return lines


def digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def arguments(root: str, temp: str, told: dict) -> list[str]:
    here = Path(__file__).parent
    named = [*told["paths"], "-c", str(here / "pytest.ini"), "--rootdir", root, "-o", "addopts="]
    named += ["-p", "no:cacheprovider", "--import-mode=importlib", "--tb=short", "-q"]
    named += ["--no-header", "--no-summary", "--continue-on-collection-errors"]
    named += ["--confcutdir", str(Path(root, told["fixtures"]))]
    named += ["--basetemp", str(Path(temp, "pytest"))]
    for module, plugin in PLUGINS.items():
        if importlib.util.find_spec(module):
            named += ["-p", plugin]
            named += ["-o", "asyncio_mode=auto"] if plugin == "asyncio" else []
    return named


def main() -> None:
    nonce = sys.stdin.readline().strip()
    told = json.loads(sys.stdin.readline())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    recorder = Recorder(int(sys.argv[1]), nonce)
    root = str(Path.cwd())
    temp = tempfile.mkdtemp(prefix="verify-")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    recorder.write("ready", root=root, temp=temp, prefix=sys.prefix, base=sys.base_prefix)
    files = [str(Path(root, path)) for path in told["product"]]
    options = arguments(root, temp, told)
    recorder.measuring = measuring(temp, files)
    sources = [str(Path(root, folder)) for folder in told["sources"]]
    sys.path[:0] = sources
    if sources != [root]:
        os.environ["PYTHONPATH"] = os.pathsep.join(sources)
    try:
        status = int(pytest.main(options, plugins=[recorder]))
    except BaseException as error:  # whatever the project threw at pytest is the answer
        recorder.write("broken", text=type(error).__name__)
        os._exit(1)
    ran = measured(recorder.measuring, temp, files) if recorder.measuring else []
    digests = [digest(Path(root, path)) for path in told["files"]]
    recorder.write("end", status=status, ran=ran, digests=digests, failed=recorder.failed)
    os._exit(0)  # a thread that the project left running must not hold us


if __name__ == "__main__":  # a process that multiprocessing spawns imports this again
    main()
