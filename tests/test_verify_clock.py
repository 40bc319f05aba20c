"""A clock that a check moves: what the product sees of it, and what it does not."""

import shutil

import pytest

from orchestrator.artifacts.checks import Match, Pair, PythonStep, RestartStep, Step
from orchestrator.sandbox.bubblewrap import Bubblewrap
from tests.verification import (
    CLI,
    LIBRARY,
    SERVICE,
    Workshop,
    check,
    clock,
    command,
    http,
    python,
    tree,
    workshop,
)

__all__ = ["workshop"]

DAY = 24 * 3600
EMPTY = tree({"lib.py": ""})
needs_bubblewrap = pytest.mark.skipif(not shutil.which("bwrap"), reason="bwrap is not installed")

REAL = """
import os, time, pathlib
pathlib.Path("now").write_text("")
real = os.stat("now").st_mtime  # what a check cannot move
"""
LOOK = (
    REAL
    + """
import email.utils, subprocess, sys
from datetime import date, datetime as D, timezone
def parsed(text):
    return D.strptime(text, "%a %b %d %H:%M:%S %Y").timestamp()
looks = {
    "time": time.time,
    "time_ns": lambda: time.time_ns() / 1e9,
    "clock_gettime": lambda: time.clock_gettime(time.CLOCK_REALTIME),
    "clock_gettime_ns": lambda: time.clock_gettime_ns(time.CLOCK_REALTIME) / 1e9,
    "localtime": lambda: time.mktime(time.localtime()),
    "localtime(None)": lambda: time.mktime(time.localtime(None)),
    "gmtime": lambda: time.mktime(time.gmtime()),
    "strftime": lambda: float(time.strftime("%s")),
    "ctime": lambda: parsed(time.ctime()),
    "asctime": lambda: parsed(time.asctime()),
    "now": lambda: D.now().timestamp(),
    "now(utc)": lambda: D.now(timezone.utc).timestamp(),
    "utcnow": lambda: D.utcnow().timestamp(),
    "datetime.today": lambda: D.today().timestamp(),
    "date.today": lambda: D.combine(date.today(), D.now().time()).timestamp(),
    "formatdate": lambda: email.utils.parsedate_to_datetime(email.utils.formatdate()).timestamp(),
    "a process": lambda: float(subprocess.check_output(
        [sys.executable, "-c", "import time; print(time.time())"])),
}
for name, look in looks.items():
    moved = look() - real
    assert MOVED - 2 < moved < MOVED + 60, (name, moved)
started = time.monotonic(), time.perf_counter()
assert time.clock_gettime(time.CLOCK_MONOTONIC) - started[0] < 60
time.sleep(0.01)
assert time.ctime(0) == "Thu Jan  1 00:00:00 1970" and time.gmtime(0).tm_year == 1970
assert time.strftime("%Y", time.gmtime(0)) == "1970" and time.asctime(time.gmtime(0))
print("ok")
"""
)


def look(moved: int) -> PythonStep:
    return python(LOOK.replace("MOVED", str(moved)), "ok")


def test_every_look_at_the_clock_moves_by_the_sum_of_the_steps(workshop: Workshop) -> None:
    steps = (look(0), clock(3600), look(3600), clock(9 * 365 * DAY), look(3600 + 9 * 365 * DAY))

    (one,) = workshop.play(EMPTY, LIBRARY, check("shown", *steps))

    assert one.detail == ""
    assert one.outcome == "passed"


HONEST = """
import copy, http.cookies, inspect, io, json, logging, pickle, sqlite3, time
import _datetime
from datetime import date, datetime as D, timedelta, timezone, tzinfo
assert D is _datetime.datetime and isinstance(D.now(), date) and type(D.now()) is D
assert type(D.now() - D.now()) is timedelta and D(2030, 1, 1) + timedelta(1) == D(2030, 1, 2)
assert pickle.loads(pickle.dumps(D.now(timezone.utc))).tzinfo is timezone.utc
assert pickle.loads(pickle.dumps(time.time)) == time.time == copy.deepcopy([time.time])[0]
assert pickle.loads(pickle.dumps(D.now))().year == D.now().year
assert D.fromisoformat(D.now().isoformat()).astimezone(timezone.utc) <= D.now(timezone.utc)
assert D.strptime("2030-01-02", "%Y-%m-%d").date() == date(2030, 1, 2)
assert list(inspect.signature(D.now).parameters) == ["tz"]
try:
    D.now("utc")
except TypeError:
    pass
else:
    raise AssertionError("now takes a tzinfo only")

class Stamp(D):
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls, *args, **kwargs)
assert {type(made) for made in (Stamp.now(), Stamp.utcnow(), Stamp.today())} == {Stamp}
assert isinstance(Stamp.now() + timedelta(1), Stamp) and not isinstance(D.now(), Stamp)

class Summer(tzinfo):  # the second half of the year is one hour ahead
    def utcoffset(self, when): return timedelta(hours=1 if when.month > 6 else 0)
    def dst(self, when): return self.utcoffset(when)
    def tzname(self, when): return "S"
assert abs(D.now(Summer()) - D.now(timezone.utc)) < timedelta(seconds=30)

db = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
db.execute("create table t (at timestamp, day date)")
row = D.now(), D.now().date()
db.execute("insert into t values (?, ?)", row)
assert db.execute("select at, day from t").fetchone() == row

class Held:
    clock = time.time
    local = time.localtime
assert Held().clock() > 0 and Held().local().tm_year >= 2025 and Held().local(0).tm_year == 1970
stream = io.StringIO()
handler = logging.StreamHandler(stream)
handler.setFormatter(logging.Formatter("%(asctime)s", "%Y-%m-%d"))
logging.getLogger().addHandler(handler)
logging.warning("x")
assert stream.getvalue().strip() == date.today().isoformat()
cookie = http.cookies.SimpleCookie({"a": "1"})
cookie["a"]["expires"] = 0
assert time.strftime("%d-%b-%Y", time.gmtime()) in cookie.output().replace(" ", "-")
def expired(claims, leeway=0):  # as PyJWT does
    return claims["exp"] <= (D.now(tz=timezone.utc).timestamp() - leeway)
token = json.dumps({"exp": int((D.now(tz=timezone.utc) + timedelta(hours=1)).timestamp())})
assert not expired(json.loads(token)) and expired({"exp": time.time() - 1})
print("ok")
"""


def test_what_works_on_the_real_clock_works_on_a_moved_one(workshop: Workshop) -> None:
    moved = check("shown", clock(400 * DAY), python(HONEST, "ok"))
    still = check("shown", python(HONEST, "ok"))

    found = workshop.play(EMPTY, LIBRARY, moved, still)

    assert [one.detail for one in found] == ["", ""]
    assert [one.outcome for one in found] == ["passed", "passed"]


def test_a_process_that_runs_already_sees_the_clock_move(workshop: Workshop) -> None:
    serve = """
import os, time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
began, fresh = time.time(), time.monotonic()

class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        moved = (datetime.now().timestamp() - began) - (time.monotonic() - fresh)
        self.wfile.write(str(round(moved)).encode())

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Api).serve_forever()
"""
    steps = (
        http("GET", "/", subset="0"),
        clock(100),
        http("GET", "/", subset="100"),
        clock(1),
        http("GET", "/", subset="101"),
        RestartStep(kind="restart"),
        http("GET", "/", subset="0"),
        python(LOOK.replace("MOVED", "101"), "ok"),
    )

    (one,) = workshop.play(tree({"serve.py": serve}), SERVICE, check("shown", *steps))

    assert one.detail == ""
    assert one.outcome == "passed"


@needs_bubblewrap
def test_only_a_check_with_a_clock_step_knows_of_it_and_only_the_offset(workshop: Workshop) -> None:
    hunt = """
import os, pathlib
needle = "nee" + "dle-of-a-later-step"
places = [pathlib.Path("."), pathlib.Path("/tmp"), pathlib.Path("/proc")]
clock = os.environ.get("ORCHESTRATE_CLOCK")
if clock:
    places.append(pathlib.Path(clock).parent)
found = []
for place in places:
    for folder, _, files in os.walk(place, followlinks=False):
        for name in files:
            path = pathlib.Path(folder, name)
            if place.name == "proc" and name not in ("cmdline", "environ"):
                continue
            try:
                if needle in str(path) or needle.encode() in path.read_bytes():
                    found.append(str(path))
            except OSError:
                pass
assert needle not in str(os.environ)
print(found, pathlib.Path(clock).read_text() if clock else sorted(
    name for name in os.environ if name.startswith("ORCHESTRATE")))
"""
    later = python("print('needle-of-a-later-step')", "needle-of-a-later-step")
    without = check("held", python(hunt, "[] []"), later)
    moving = check("held", clock(7), python(hunt, "[] 7"), clock(8), python(hunt, "[] 15"), later)

    found = workshop.play(EMPTY, LIBRARY, without, moving, sandbox=Bubblewrap(workshop.cache))

    assert [one.outcome for one in found] == ["passed", "passed"]


AUTH = """
import json, os, time
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

LOCKED = timedelta(minutes=15)
LIVES = 3600
failed, until, tokens = 0, datetime.min, {}


class Api(BaseHTTPRequestHandler):
    def do_POST(self):
        global failed, until
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if datetime.now() < until:
            return self.answer(423, {})
        if body["password"] != "right":
            failed += 1
            if failed >= 3:
                failed, until = 0, datetime.now() + LOCKED
            return self.answer(401, {})
        token = "t%d" % len(tokens)
        tokens[token] = time.time() + LIVES
        self.answer(200, {"token": token})

    def do_GET(self):
        self.answer(200 if time.time() < tokens[self.headers["Authorization"]] else 401, {})

    def answer(self, status, value):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Api).serve_forever()
"""


def login(password: str, status: int = 200) -> Step:
    captures = (Pair(name="token", value="token"),) if status == 200 else ()
    body = f'{{"password": "{password}"}}'
    return http("POST", "/login", body=body, status=status, captures=captures)


def me(status: int) -> Step:
    return http("GET", "/me", token="${token}", status=status)


WRONG = login("wrong", 401)
EXPIRY = (login("right"), me(200), clock(3500), me(200), clock(200), me(401))
LOCKOUT = (WRONG, WRONG, WRONG, login("right", 423), clock(930), login("right"))


@pytest.mark.parametrize(
    ("old", "new", "expiry", "lockout"),
    [
        ("", "", "", ""),
        ("LIVES = 3600", "LIVES = 1e12", "step 6, GET /me: expected status 401, got 200", ""),
        ("LIVES = 3600", "LIVES = 0", "step 2, GET /me: expected status 200, got 401", ""),
        ("minutes=15", "days=900", "", "step 6, POST /login: expected status 200, got 423"),
        ("minutes=15", "0", "", "step 4, POST /login: expected status 423, got 200"),
    ],
)
def test_expiry_and_lockout_are_decided_by_a_clock(
    workshop: Workshop, old: str, new: str, expiry: str, lockout: str
) -> None:
    product = tree({"serve.py": AUTH.replace(old, new)})

    checks = (check("shown", *EXPIRY), check("shown", *LOCKOUT), check("held", *EXPIRY))
    found = workshop.play(product, SERVICE, *checks)

    said = (expiry, lockout, expiry)
    assert [one.outcome for one in found] == ["wrong status" if s else "passed" for s in said]
    assert found[0].detail.startswith(expiry)
    assert found[1].detail.startswith(lockout)
    assert found[2].detail == ""


TASKS = {
    "app/__init__.py": "",
    "app/__main__.py": """
import json, pathlib, sys
from datetime import date, timedelta

STORE = pathlib.Path("tasks.json")
tasks = json.loads(STORE.read_text()) if STORE.exists() else {}
match sys.argv[1:]:
    case ["add", name, days]:
        tasks[name] = (date.today() + timedelta(int(days))).isoformat()
        STORE.write_text(json.dumps(tasks))
    case ["late"]:
        for name, due in sorted(tasks.items()):
            if date.fromisoformat(due) < date.today():
                print(name)
""",
}


@pytest.mark.parametrize(
    ("today", "outcome"), [("date.today()", "passed"), ("date.min", "wrong output")]
)
def test_due_dates_of_a_command_line_product(workshop: Workshop, today: str, outcome: str) -> None:
    product = tree(
        {path: text.replace("< date.today()", f"< {today}") for path, text in TASKS.items()}
    )
    adding = (command("add", "tea", "3"), command("add", "rent", "30"), command("late", out=""))
    waiting = (clock(5 * DAY), command("late", out="tea"), clock(30 * DAY))

    steps = (*adding, *waiting, command("late", out="rent\ntea"))
    (one,) = workshop.play(product, CLI, check("shown", *steps))

    assert one.outcome == outcome


def test_an_endless_pattern_fails_its_check_and_nothing_hangs(workshop: Workshop) -> None:
    endless = PythonStep(
        kind="python",
        source="print('a' * 40 + 'b')",
        exit_code=0,
        stdout=(Match(how="matches", text="(a+)+$"),),
    )

    (one,) = workshop.play(EMPTY, LIBRARY, check("shown", endless))

    assert one.outcome == "wrong output"
    assert "the pattern '(a+)+$' ran out of time" in one.detail
