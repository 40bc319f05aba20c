"""Whole products through the verifier's front door."""

import shutil

import pytest

from orchestrator.artifacts.checks import Match, Pair, RestartStep
from orchestrator.sandbox import Sandbox
from orchestrator.sandbox.bubblewrap import Bubblewrap
from orchestrator.sandbox.process import Process
from orchestrator.settings import Limits
from tests.verification import (
    ADDER,
    CLI,
    LIBRARY,
    SERVICE,
    Workshop,
    call,
    check,
    clock,
    command,
    http,
    parallel,
    python,
    tree,
    workshop,
)

__all__ = ["workshop"]

SHOWN = check("shown", command("1", "2", out="3"))
HELD = check("held", command("20", "22", out="42"))
IMPATIENT = Limits(test_seconds=4, step_seconds=1)

needs_bubblewrap = pytest.mark.skipif(not shutil.which("bwrap"), reason="bwrap is not installed")


@pytest.mark.parametrize("backend", ["process", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def test_an_honest_command_line_product_passes_every_time_alike(
    workshop: Workshop, backend: str
) -> None:
    sandbox: Sandbox = Process() if backend == "process" else Bubblewrap(workshop.cache)

    first = workshop.verify(tree(ADDER), CLI, SHOWN, HELD, sandbox=sandbox)
    second = workshop.verify(tree(ADDER), CLI, SHOWN, HELD, sandbox=sandbox)

    assert first.reasons == ()
    assert first.outcome == "pass"
    assert first.sandbox == backend
    assert first.tests.tests == ("tests/contract/test_add.py::test_m1_c1_adds_two_numbers",)
    assert [one.outcome for one in first.checks] == ["passed", "passed"]
    assert first.criteria[0].met
    assert [(one.kind, one.outcome) for one in first.strength[:4]] == [
        ("same", "green"),
        ("expected", "red"),
        ("body", "red"),
        ("body", "red"),
    ]
    assert "ANN201" in {one.code for one in first.lint}
    assert first.model_copy(update={"seconds": None}) == second.model_copy(update={"seconds": None})


def test_coverage_counts_subprocesses_and_ignores_pragmas(workshop: Workshop) -> None:
    half = tree(ADDER)
    whole = tree(
        ADDER,
        {
            "tests/test_cli.py": (
                "import subprocess, sys\n\n"
                "def run(*args):\n"
                "    argv = [sys.executable, '-m', 'app', *args]\n"
                "    return subprocess.run(argv, capture_output=True)\n"
                "def test_sum():\n"
                "    assert run('1', '2').stdout == b'3\\n'\n"
                "def test_usage():\n"
                "    assert run().returncode == 1\n"
            )
        },
    )

    # core: 2 of 2 statements; __main__: none of 5 unless it is run
    assert workshop.verify(half, CLI).tests.coverage == 28
    assert workshop.verify(whole, CLI).tests.coverage == 100


def test_a_long_suite_in_two_runs_is_told_as_one(workshop: Workshop) -> None:
    half = "from app.core import {name}\n\n" + "".join(
        f"def test_{{name}}_{number}():\n    assert {{name}}(1, {number}) == {{result}}{number}\n\n"
        for number in range(1, 25)
    )
    both = tree(
        ADDER,
        {
            "app/core.py": (
                "def add(a, b):\n    return a + b\n\ndef less(a, b):\n    return a - b\n"
            ),
            "tests/unit/test_add.py": half.format(name="add", result="1 + "),
            "tests/unit/test_less.py": half.format(name="less", result="1 - "),
        },
    )
    found = workshop.verify(both, CLI).tests
    assert (found.total, found.passed) == (49, 49)
    assert found.coverage == 44  # core's 4 of 4 statements, each test file runs another half
    red = workshop.verify(
        both.having({"app/core.py": b"def add(a, b):\n    return a + b\n\n"}), CLI
    )
    assert (red.tests.passed, red.tests.errors) == (25, 1)
    assert [one.test for one in red.tests.failures] == ["tests/unit/test_less.py"]


SERVE = """
import json, os, pathlib
from http.server import BaseHTTPRequestHandler, HTTPServer

NOTES = pathlib.Path("notes.json")


class Api(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/login":
            return self.answer(200, {"token": "t-" + body["user"], "uses": [1, 2]})
        if not self.headers.get("Authorization", "").startswith("Bearer t-"):
            return self.answer(401, {"error": "no token"})
        NOTES.write_text(json.dumps(body))
        self.answer(201, {"id": 7})

    def do_GET(self):
        self.answer(200, json.loads(NOTES.read_text()) if NOTES.exists() else {})

    def answer(self, status, value):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())


def main():
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Api).serve_forever()


if __name__ == "__main__":
    main()
"""
NOTES = {
    "serve.py": SERVE,
    "tests/contract/test_m1.py": (
        "import os, json, serve\n"
        "def test_m1_c1_answers(monkeypatch):\n"
        "    api = serve.Api.__new__(serve.Api)\n"
        "    said = []\n"
        "    monkeypatch.setattr(api, 'answer', lambda *a: said.append(a), raising=False)\n"
        "    api.do_GET()\n"
        "    assert said == [(200, {})]\n"
    ),
}


def noting(user: str, note: str) -> tuple[object, ...]:
    login = http(
        "POST",
        "/login",
        body=f'{{"user": "{user}"}}',
        subset='{"token": "<string>", "uses": "<array>"}',
        captures=(Pair(name="token", value="token"),),
    )
    wanted = f'{{"note": "{note}"}}'
    write = http(
        "POST", "/notes", body=f'{{"note": "{note}"}}', status=201, token="Bearer ${token}"
    )
    refused = http("POST", "/notes", body="{}", status=401)
    read = http("GET", "/notes", subset=wanted)
    return (login, write, refused, RestartStep(kind="restart"), read)


@needs_bubblewrap
def test_a_service_keeps_its_state_over_a_restart_and_its_token_over_steps(
    workshop: Workshop,
) -> None:
    sandbox = Bubblewrap(workshop.cache)
    checks = (check("shown", *noting("ann", "milk")), check("held", *noting("bob", "tea")))

    verdict = workshop.verify(tree(NOTES), SERVICE, *checks, sandbox=sandbox)

    assert verdict.reasons == ()
    assert verdict.outcome == "pass"


def test_a_service_that_forgets_fails_with_the_step_that_shows_it(workshop: Workshop) -> None:
    forgets = SERVE.replace('"notes.json"', '"notes-%d.json" % os.getpid()')
    forgetful = tree(NOTES, {"serve.py": forgets})

    verdict = workshop.verify(forgetful, SERVICE, check("shown", *noting("ann", "milk")))

    assert verdict.checks[0].outcome == "wrong body"
    assert verdict.checks[0].detail.startswith("step 5, GET /notes: the body: there is no 'note'")


def test_a_service_that_dies_or_never_listens_does_not_start(workshop: Workshop) -> None:
    dead = workshop.verify(tree(NOTES, {"serve.py": "raise SystemExit('no')"}), SERVICE)
    deaf = workshop.verify(
        tree(NOTES, {"serve.py": "import time\ntime.sleep(60)"}), SERVICE, limits=IMPATIENT
    )

    assert "the product does not start: the service: it exited stderr: no" in dead.reasons
    assert "the product does not start: the service: it did not listen on PORT" in deaf.reasons


USERS = """
import json, os, threading
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

names, lock = set(), threading.Lock()
met = threading.Barrier(2, timeout=2)


class Api(BaseHTTPRequestHandler):
    def do_POST(self):
        name = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with lock:
            taken = name in names
            names.add(name)
        self.answer(409 if taken else 201)

    def do_GET(self):
        if self.path == "/exit":
            os._exit(3)
        try:
            met.wait()
        except threading.BrokenBarrierError:
            met.reset()
            return self.answer(503)
        self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps({"names": len(names)}).encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Api).serve_forever()
"""
RACY = USERS.replace(
    """        with lock:
            taken = name in names
            names.add(name)
""",
    """        taken = name in names
        met.wait()
        names.add(name)
""",
)
MEET = parallel(call("GET", "/meet"), call("GET", "/meet"), statuses=(200, 200))
PAIR = parallel(call("POST", "/users", "ann"), call("POST", "/users", "ann"), statuses=(201, 409))


def test_requests_of_a_parallel_step_are_in_the_service_at_the_same_time(
    workshop: Workshop,
) -> None:
    service = tree({"serve.py": USERS})
    alone = check("shown", http("GET", "/meet", status=503))
    together = check("shown", MEET, MEET)

    assert [one.detail for one in workshop.play(service, SERVICE, alone, together)] == ["", ""]


def test_of_many_registrations_of_one_name_at_once_one_wins(workshop: Workshop) -> None:
    twenty = (call("POST", "/users", "${name}-0"),) * 20
    first = http(
        "POST", "/users", body="a", status=201, captures=(Pair(name="name", value="names"),)
    )
    many = check("shown", first, parallel(*twenty, statuses=(409,) * 19 + (201,)), MEET)
    one_by_one = USERS.replace("    ThreadingHTTPServer", "    HTTPServer")

    good, queued = (
        workshop.play(tree({"serve.py": source}), SERVICE, many.model_copy(update={"steps": steps}))
        for source, steps in ((USERS, many.steps), (one_by_one, many.steps[:2]))
    )
    racy = workshop.play(tree({"serve.py": RACY}), SERVICE, check("shown", PAIR))

    assert [one.detail for one in (*good, *queued)] == ["", ""]
    assert racy[0].outcome == "wrong status"
    assert racy[0].detail.startswith(
        "step 1, 2 requests at once: expected statuses 201, 409 in any order, got 201, 201\nbody: {"
    )


def test_a_service_that_hangs_or_dies_under_requests_at_once_is_told_so(workshop: Workshop) -> None:
    dies = parallel(call("GET", "/exit"), call("GET", "/exit"), statuses=(200, 200))
    hangs = RACY.replace("timeout=2", "timeout=60")
    three = parallel(*(call("POST", "/users", "ann"),) * 3, statuses=(201, 409, 409))

    (dead,) = workshop.play(tree({"serve.py": USERS}), SERVICE, check("shown", dies))
    (hung,) = workshop.play(
        tree({"serve.py": hangs}), SERVICE, check("shown", three), limits=IMPATIENT
    )
    (never,) = workshop.play(tree({"serve.py": "1 / 0"}), SERVICE, check("shown", PAIR))

    assert (dead.outcome, hung.outcome, never.outcome) == ("crashed", "timed out", "crashed")
    assert "ZeroDivisionError" in never.detail


@needs_bubblewrap
def test_time_and_requests_at_once_in_the_real_sandbox(workshop: Workshop) -> None:
    product = tree(
        {
            "serve.py": USERS.replace("def do_GET", "def do_PUT")
            .replace(
                "    def do_POST",
                "    def do_GET(self):\n"
                "        import time\n"
                "        self.answer(200 if time.time() < started + 60 else 410)\n\n"
                "    def do_POST",
            )
            .replace("names, lock", "import time\nstarted = time.time()\nnames, lock"),
            "tests/contract/test_m1.py": (
                "import serve\n"
                "def test_m1_c1_answers(monkeypatch):\n"
                "    api = serve.Api.__new__(serve.Api)\n"
                "    said = []\n"
                "    monkeypatch.setattr(api, 'answer', said.append, raising=False)\n"
                "    api.do_GET()\n"
                "    assert said == [200]\n"
            ),
        }
    )
    shown = check("shown", PAIR, http("GET", "/"), clock(90), http("GET", "/", status=410))
    held = check(
        "held", clock(90), PAIR, http("GET", "/"), clock(3600), http("GET", "/", status=410)
    )

    verdict = workshop.verify(product, SERVICE, shown, held, sandbox=Bubblewrap(workshop.cache))

    assert [one.detail for one in verdict.checks] == ["", ""]
    assert [one.outcome for one in verdict.checks] == ["passed", "passed"]


def test_a_library_is_tried_by_short_programs(workshop: Workshop) -> None:
    product = tree(
        {
            "lib/__init__.py": "def twice(x):\n    return 2 * x\n",
            "tests/contract/test_twice.py": (
                "import lib\n\ndef test_m1_c1_twice():\n    assert lib.twice(2) == 4\n"
            ),
        }
    )
    good = check("shown", python("import lib\nprint(lib.twice(5))", "10"))
    bad = check("held", python("import lib\nprint(lib.twice('a'))", "aaa"))

    verdict = workshop.verify(product, LIBRARY, good, bad)

    assert [one.outcome for one in verdict.checks] == ["passed", "wrong output"]
    assert verdict.reasons == (
        "criterion M1-C1: a held check failed (wrong output)",
        "criterion M1-C1 has no passing held check",
    )


@needs_bubblewrap
def test_a_program_cannot_look_into_what_drives_it(workshop: Workshop) -> None:
    peek = (
        "import os\n"
        "try:\n"
        "    print(os.listdir(f'/proc/{os.getppid()}/fd'))\n"
        "except PermissionError:\n"
        "    print('shut')\n"
    )
    shown = check("shown", python(peek, "shut"))

    verdict = workshop.verify(tree(ADDER), CLI, shown, sandbox=Bubblewrap(workshop.cache))

    assert verdict.checks[0].detail == ""
    assert verdict.checks[0].outcome == "passed"


def test_outputs_learnt_by_heart_fail_the_held_checks_and_show_nothing(workshop: Workshop) -> None:
    learnt = tree(ADDER, {"app/__main__.py": "def main():\n    print(3)\nmain()\n"})

    verdict = workshop.verify(learnt, CLI, SHOWN, HELD)

    assert verdict.outcome == "fail"
    assert "criterion M1-C1: a held check failed (wrong output)" in verdict.reasons
    assert [one.detail for one in verdict.checks] == ["", ""]
    assert "42" not in verdict.model_dump_json()


def test_a_crash_is_told_from_a_wrong_answer(workshop: Workshop) -> None:
    checks = (
        check("shown", command("1", "x", out="3")),
        check("shown", command("1", "2", out="4")),
        check("shown", command("1", "2", out="3", code=2)),
        check("shown", command("1", "2", out="3", file="log.txt")),
        check("shown", command("1", out="", code=1)),
    )

    verdict = workshop.verify(tree(ADDER), CLI, *checks)

    assert [one.outcome for one in verdict.checks] == [
        "crashed",
        "wrong output",
        "wrong exit code",
        "wrong output",
        "passed",
    ]
    assert "ValueError: invalid literal for int()" in verdict.checks[0].detail
    assert "expected to equal '4', got '3\\n'" in verdict.checks[1].detail
    assert "/tmp" not in verdict.model_dump_json()


def test_a_program_that_cannot_be_started_has_crashed(workshop: Workshop) -> None:
    nowhere = CLI.model_copy(update={"command": ("python", "-m", "nowhere")})

    verdict = workshop.verify(tree(ADDER), nowhere, SHOWN)

    assert verdict.checks[0].outcome == "crashed"
    assert any("No module named nowhere" in reason for reason in verdict.reasons)


def test_what_hangs_is_ended_and_named(workshop: Workshop) -> None:
    hanging = tree(
        ADDER,
        {
            "app/__main__.py": "import time\ntime.sleep(60)\n",
            "tests/test_slow.py": "import time\n\ndef test_slow():\n    time.sleep(60)\n",
        },
    )

    verdict = workshop.verify(hanging, CLI, SHOWN, limits=IMPATIENT)

    assert verdict.checks[0].outcome == "timed out"
    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[:2] == (
        "the test run did not end in time in or after tests/test_slow.py::test_slow",
        "the product does not start: it did not end in time",
    )


def test_a_failing_test_is_reported_with_its_place_and_reason_only(workshop: Workshop) -> None:
    broken = tree(ADDER, {"app/core.py": "def add(a, b):\n    raise ValueError(f'{object()}')\n"})

    verdict = workshop.verify(broken, CLI)

    (failure,) = verdict.tests.failures
    assert failure.error.splitlines() == [
        "tests/contract/test_add.py:4: in test_m1_c1_adds_two_numbers",
        "    assert add(1, 2) == 3",
        "app/core.py:2: in add",
        "    raise ValueError(f'{object()}')",
        "E   ValueError: <object object at 0x...>",
    ]
    assert verdict.outcome == "fail"
    assert verdict.strength == ()


@pytest.mark.parametrize(
    ("test", "outcome", "reason"),
    [
        ("def helper(): ...", "inconclusive", "no test was collected"),
        ("import os\ndef test_a(): os._exit(0)", "inconclusive", "ended before its end"),
        ("import sys\ndef test_a(): sys.exit(0)", "fail", "SystemExit: 0"),
        ("import sys\nsys.exit(0)\ndef test_a(): ...", "fail", "SystemExit: 0"),
        ("import nowhere\ndef test_a(): ...", "fail", "No module named 'nowhere'"),
        ("def test_a(: ...", "fail", "SyntaxError"),
        ("import pytest\ndef test_a(): pytest.skip('x')", "inconclusive", "every test was"),
        (
            "import pytest\ndef test_a(): pytest.exit('x')",
            "inconclusive",
            "1 of 1",
        ),
        ("if False:\n    x = 1\nelse:\n    def test_a(): assert True", "fail", "stays green"),
        ("def test_a(): assert True", "fail", "stays green on broken code: every body raises"),
        ("def test_a(): ...\ndel test_a", "inconclusive", "1 tests were not collected"),
    ],
)
def test_a_suite_that_proves_nothing_never_passes(
    workshop: Workshop, test: str, outcome: str, reason: str
) -> None:
    files = {path: text for path, text in ADDER.items() if not path.startswith("tests/")}

    verdict = workshop.verify(tree(files, {"tests/test_it.py": test}), CLI, SHOWN, HELD)

    assert verdict.outcome == outcome
    assert any(reason in one for one in verdict.reasons), verdict.reasons


def test_a_hook_that_turns_results_green_is_refused(workshop: Workshop) -> None:
    hook = "def pytest_runtest_makereport(item, call):\n    return None\n"

    verdict = workshop.verify(tree(ADDER, {"tests/conftest.py": hook}), CLI)

    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[0].startswith("tests/conftest.py: pytest_runtest_makereport: this can")


def test_a_product_that_forges_the_record_is_not_believed(workshop: Workshop) -> None:
    forger = (
        "import os\n"
        "def add(a, b):\n"
        "    for number in range(3, 64):\n"
        "        try:\n"
        '            os.write(number, b\'{"nonce": "", "kind": "end"}\\n\')\n'
        "        except OSError:\n"
        "            pass\n"
        "    return 3\n"
    )

    verdict = workshop.verify(tree(ADDER, {"app/core.py": forger}), CLI)

    assert verdict.outcome == "inconclusive"


def test_tests_alone_are_no_product(workshop: Workshop) -> None:
    verdict = workshop.verify(tree({"tests/test_a.py": "def test_a(): ...\n"}), LIBRARY)

    assert "there is no product file: no Python file but tests" in verdict.reasons
    assert any(reason.startswith("the product does not start:") for reason in verdict.reasons)


def test_a_repeat_is_written_out_in_every_text_of_a_step(workshop: Workshop) -> None:
    product = tree(
        ADDER,
        {
            "app/__main__.py": (
                "import sys\n"
                "for one in (*sys.argv[1:], sys.stdin.read()):\n"
                "    print(len(one), one[:1] + one[-1:])\n"
            )
        },
    )
    step = command("a${x*200}b", "${$*3}").model_copy(
        update={
            "stdin": "${é*5000}",
            "stdout": (Match(how="equals", text="202 ab\n${3*1} $$\n5${0*3} éé"),),
        }
    )

    (result,) = workshop.play(product, CLI, check("shown", step))

    assert (result.outcome, result.detail) == ("passed", "")


def test_what_a_conftest_imports_is_covered(workshop: Workshop) -> None:
    product = tree(ADDER, {"tests/conftest.py": "import app.core\n"})
    product = product.having({}, frozenset({"app/__main__.py"}))

    assert workshop.verify(product, None).tests.coverage == 100
