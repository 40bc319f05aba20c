"""A pool of answerers: whoever is free takes a request of some run, with nothing but its file.

    python -m tests.benchmarks.converging.pool begin FOLDER         makes the six first attempts
    python -m tests.benchmarks.converging.pool take FOLDER NAME     a request for answerer NAME
    python -m tests.benchmarks.converging.pool done FOLDER TOKEN    its answer file is written
    python -m tests.benchmarks.converging.pool status FOLDER

A judge never judges code or tests that it wrote, and who has seen held checks builds nothing of
that product; an answerer is given the run that it knows least.
When a first attempt is judged its run is copied: one copy goes on naively, the other with the whole
loop.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.converging.products import PRODUCTS, plan

PROGRAM = Path(sys.executable).with_name("orchestrate")
THRESHOLD = "4.3"
STALE = 1200
"""Seconds after which a request is given to another: whoever took it is gone."""
RETRIES = {"max_retries": "2"}
"""One retry each: what answering costs in time is what bounds this benchmark."""
ARMS = {
    "naive": {
        **RETRIES,
        "every_stage": "true",
        "whole_files": "true",
        "history": "false",
        "refine": "false",
        "max_repairs": "0",
    },
    "ours": RETRIES,
}
BUILDERS = ("impl", "test")
JUDGES = ("eval", "critic")


@contextlib.contextmanager
def state(folder: Path) -> Iterator[dict]:
    """The pool's own notes, one process at a time."""
    path = folder / "pool.json"
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        noted = json.loads(path.read_text()) if path.exists() else {"taken": {}, "log": []}
        yield noted
        path.write_text(json.dumps(noted, indent=1))


def orchestrate(home: Path, *words: str) -> dict:
    env = {key: value for key, value in os.environ.items() if not key.startswith("ORCHESTRATE_")}
    done = subprocess.run([str(PROGRAM), *words], cwd=home, capture_output=True, text=True, env=env)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"status": "error", "error": f"{done.stdout}{done.stderr}"[-2000:]}


def begin(folder: Path) -> None:
    for product in PRODUCTS:
        home = folder / f"{product['name']}.first"
        home.mkdir(parents=True)
        said = orchestrate(home, "start", product["idea"], "--threshold", THRESHOLD)
        Path(said["answer_file"]).write_text(plan(product))
        note(home, orchestrate(home, "submit", said["id"]))


def note(home: Path, said: dict) -> None:
    """Where `home` stands, written whole."""
    path = home / "stands.json"
    path.with_suffix(".new").write_text(json.dumps(said, indent=1))
    path.with_suffix(".new").rename(path)


def stands(home: Path) -> dict:
    path = home / "stands.json"
    return json.loads(path.read_text()) if path.exists() else {}


def fork(folder: Path, home: Path) -> None:
    """Two runs out of one, after its first attempt."""
    name = home.name.partition(".")[0]
    for arm, settings in ARMS.items():
        copy = folder / f"{name}.{arm}"
        if copy.exists():
            continue
        scratch = folder / f".{name}.{arm}"
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(home, scratch, symlinks=True)
        shutil.rmtree(scratch / ".orchestrate" / "inbox")
        (written,) = (scratch / ".orchestrate" / "runs").glob("*/settings.toml")
        text = written.read_text()
        for key, value in settings.items():
            text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.M)
            assert count == 1, key
        written.write_text(text)
        (scratch / "stands.json").unlink()
        scratch.rename(copy)
        note(copy, orchestrate(copy, "next"))


def take(folder: Path, name: str) -> None:
    """Prints a request for `name`; waits while there is none."""
    end = time.monotonic() + 480
    while time.monotonic() < end:
        with state(folder) as noted:
            release(noted)
            waiting = [one for one in pending(folder) if one["answer_file"] not in noted["taken"]]
            fit = [one for one in waiting if allowed(one, name, noted)]
            if fit:
                one = min(fit, key=lambda one: known(one, name, noted))
                token = str(len(noted["taken"]) + 1)
                noted["taken"][one["answer_file"]] = {
                    **one,
                    "by": name,
                    "token": token,
                    "at": time.time(),
                }
                print(f"token: {token}")
                print(f"request file: {one['request_file']}")
                for part in parts(one):
                    print(f"and its part, which belongs to it and is to be read too: {part}")
                print(f"answer file: {one['answer_file']}")
                return
        if not waiting and finished(folder):
            print("STOP: everything is answered")
            return
        time.sleep(2)
    print("NOTHING NOW: run the same command again")


def parts(one: dict) -> list[Path]:
    request = Path(one["request_file"])
    return sorted(request.parent.glob(f"{request.name.removesuffix('.request.md')}.part-*.md"))


def release(noted: dict) -> None:
    for place, one in [*noted["taken"].items()]:
        late = one["by"] != "gone" and time.time() - one["at"] > STALE
        if late and not Path(place).exists():
            noted["taken"][f"gone {one['token']}"] = {**noted["taken"].pop(place), "by": "gone"}


def pending(folder: Path) -> list[dict]:
    found = []
    for home in sorted(folder.glob("*.*")):
        said = stands(home) if home.is_dir() and not home.name.startswith(".") else {}
        if said.get("status") == "request":
            found.append({**said, "home": str(home)})
    return found


def finished(folder: Path) -> bool:
    homes = [home for home in folder.glob("*.*") if home.is_dir()]
    over = ("done", "failed", "error", "forked")
    return all(stands(home).get("status") in over for home in homes)


def mine(one: dict, name: str, noted: dict) -> list[dict]:
    """What `name` answered of the same product."""
    product = Path(one["home"]).name.partition(".")[0]
    return [
        done
        for done in noted["taken"].values()
        if done["by"] == name and Path(done["home"]).name.partition(".")[0] == product
    ]


def agent(one: dict) -> str:
    return one["id"].split("/")[1]


def allowed(one: dict, name: str, noted: dict) -> bool:
    if agent(one) == "reporter":
        return True
    before = {agent(done) for done in mine(one, name, noted)}
    if agent(one) in JUDGES:
        return not before & set(BUILDERS)
    return agent(one) not in BUILDERS or not before & {*JUDGES, "spec"}


def known(one: dict, name: str, noted: dict) -> tuple[bool, int, int]:
    arm = Path(one["home"]).name.partition(".")[2]
    other = [
        done for done in mine(one, name, noted) if Path(done["home"]).name.partition(".")[2] != arm
    ]
    return (
        agent(one) == "reporter",
        len([x for x in other if not x["home"].endswith(".first")]),
        len(mine(one, name, noted)),
    )


def done(folder: Path, token: str) -> None:
    """Submits in the background, so that the answerer may go on."""
    with state(folder) as noted:
        one = next(one for one in noted["taken"].values() if one["token"] == token)
    if not Path(one["answer_file"]).is_file():
        print(f"there is no answer file yet: {one['answer_file']}")
        return
    home = Path(one["home"])
    (home / "stands.json").unlink(missing_ok=True)
    words = [sys.executable, "-m", __spec__.name, "submit", str(folder), str(home), one["id"]]
    subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=(folder / "log.txt").open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    print("taken; go on with the next: take")


def submit(folder: Path, home: Path, request: str) -> None:
    said = orchestrate(home, "submit", request)
    while said.get("status") == "working":
        said = orchestrate(home, "next")
    print(time.strftime("%H:%M:%S"), home.name, request, json.dumps(said)[:300], flush=True)
    judged = home.name.endswith(".first") and said.get("status") == "request"
    if judged and int(said["id"].split("/")[2]) > 1:
        note(home, {"status": "forking"})
        fork(folder, home)
        said = {"status": "forked"}
    note(home, said)


def status(folder: Path) -> None:
    with state(folder) as noted:
        print(f"{len(noted['taken'])} requests taken")
    for home in sorted(folder.glob("*.*")):
        if home.is_dir():
            said = stands(home)
            print(home.name, said.get("status", "busy"), said.get("id", ""), said.get("note", ""))


if __name__ == "__main__":
    verb, where, *rest = sys.argv[1:]
    place = Path(where).resolve()
    place.mkdir(parents=True, exist_ok=True)
    if verb == "submit":
        submit(place, Path(rest[0]), rest[1])
    else:
        {"begin": begin, "take": take, "done": done, "status": status}[verb](place, *rest)
