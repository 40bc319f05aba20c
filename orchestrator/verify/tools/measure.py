"""Which of the product's lines run: coverage's tracer without the rest of coverage.

The bootstrap imports this for its own process.
Every Python of an environment runs this by its `.pth` file when `ORCHESTRATE_HOOKS` names it:
importing all of coverage takes longer than most programs under test run. What was seen is written
once, at the end, to the folder that `ORCHESTRATE_MEASURED` (a JSON file) names.
"""

import atexit
import importlib.machinery
import importlib.util
import json
import os
import signal
import sys
import threading
from types import FrameType, ModuleType
from typing import Any

MARK = "_orchestrate_measure"


def tracing() -> ModuleType | None:
    """coverage's C extension alone, where this environment has it."""
    for folder in sys.path:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = os.path.join(folder, "coverage", f"tracer{suffix}")  # noqa: PTH118
            if os.path.exists(path):  # noqa: PTH110
                loader = importlib.machinery.ExtensionFileLoader("coverage.tracer", path)
                spec = importlib.util.spec_from_file_location(
                    "coverage.tracer", path, loader=loader
                )
                if spec is None:
                    return None
                module = importlib.util.module_from_spec(spec)
                loader.exec_module(module)
                return module
    return None


def _yes(*_: object) -> bool:
    return True


class Measure:
    """The lines that ran of the product's `files`, by file, in every thread of this process."""

    def __init__(self, module: ModuleType, files: list[str], to: str) -> None:
        self._module = module
        self._files = frozenset(files)
        self._to = to
        self.lines: dict[str, set[int]] = {}
        """By file, in this process so far."""
        self._dispositions: dict[str, Any] = {}

    def start(self) -> None:
        threading.settrace(self._thread)
        self._tracer().start()

    def start_started(self) -> None:
        """Starts in a process that a test started: what was seen is written at its end."""
        self.start()
        atexit.register(self.save)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._terminated)

    def save(self) -> None:
        sys.settrace(None)
        seen = {name: sorted(lines) for name, lines in self.lines.items()}
        path = os.path.join(self._to, f"{os.getpid()}-{os.urandom(6).hex()}.json")  # noqa: PTH118
        try:
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
                json.dump(seen, file)
        except OSError:
            pass  # the folder is gone: the suite that measured is over

    def _tracer(self) -> Any:
        tracer = self._module.CTracer()
        tracer.data = self.lines
        tracer.trace_arcs = False
        tracer.should_trace = self._disposition
        tracer.should_trace_cache = self._dispositions
        tracer.file_tracers = {}
        tracer.check_include = tracer.disable_plugin = tracer.warn = _yes
        tracer.concur_id_func = tracer.should_start_context = tracer.switch_context = None
        tracer.lock_data = tracer.unlock_data = lambda: None
        return tracer

    def _disposition(self, name: str, _: FrameType) -> Any:
        place = os.path.abspath(name)  # noqa: PTH100
        found = self._module.CFileDisposition()
        found.original_filename = name
        found.canonical_filename = found.source_filename = place
        found.trace = place in self._files
        found.reason = ""
        found.file_tracer = None
        found.has_dynamic_filename = False
        return found

    def _thread(self, frame: FrameType, event: str, arg: object) -> Any:
        sys.settrace(None)
        trace = self._tracer().start()
        return trace(frame, event, arg) if trace else None

    def _terminated(self, number: int, _: FrameType | None) -> None:
        self.save()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def main() -> None:
    with open(os.environ["ORCHESTRATE_MEASURED"], encoding="utf-8") as file:  # noqa: PTH123
        told = json.load(file)
    module = None if MARK in sys.modules else tracing()
    if module is not None:
        sys.modules[MARK] = module  # site reads a .pth file twice where lib64 links to lib
        Measure(module, told["files"], told["to"]).start_started()


if __name__ == "hook":
    main()
