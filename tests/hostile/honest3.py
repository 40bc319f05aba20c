"""Honest projects that must pass: threads and terminals, sqlite, asyncio."""

from tests.hostile.project import Project
from tests.hostile.wrong import check, command, criteria

TERMINAL = '''"""Asks a question on a terminal, and works on a pool of threads."""

import sys
from concurrent.futures import ThreadPoolExecutor


def ask(question: str) -> bool:
    """Yes or no; no where nobody can be asked."""
    if not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def longest(texts: list[str]) -> int:
    """The length of the longest text, each measured in a thread; 0 for none."""
    with ThreadPoolExecutor(4) as pool:
        return max(pool.map(len, texts), default=0)


if __name__ == "__main__":
    print("removed" if ask("Remove everything?") else "kept")
'''
TERMINAL_TEST = '''"""The question, on a pseudo-terminal and off it."""

import os
import pty
import subprocess
import sys
import threading

import pytest
from confirm import longest


def answered(said):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "confirm"], stdin=theirs, stdout=subprocess.PIPE, text=True
    )
    os.close(theirs)
    os.write(ours, said.encode() + b"\\n")
    out, _ = process.communicate(timeout=10)
    os.close(ours)
    return out


@pytest.mark.parametrize("said", ["y", "YES", " yes "])
def test_yes_removes(said):
    assert "removed" in answered(said)


@pytest.mark.parametrize("said", ["", "n", "yep"])
def test_anything_else_keeps(said):
    assert "kept" in answered(said)


def test_without_a_terminal_nobody_is_asked():
    done = subprocess.run(
        [sys.executable, "-m", "confirm"], input="y\\n", capture_output=True, text=True, timeout=10
    )
    assert done.stdout == "kept\\n"


def test_threads_find_the_longest():
    assert longest(["a", "abc", "ab"]) == 3
    assert longest([]) == 0
    assert threading.active_count() == 1
'''
STOCK = '''"""A stock of items in sqlite."""

import sqlite3
import sys

SCHEMA = "create table if not exists stock (name text primary key, number integer not null)"


class Stock:
    """The stock in one database file."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute(SCHEMA)

    def put(self, name: str, number: int) -> int:
        """Adds (or, when negative, takes) so many; what is there then. ValueError below zero."""
        with self._db:
            there = self.number(name) + number
            if there < 0:
                raise ValueError(f"there are only {there - number} of {name}")
            self._db.execute("insert or replace into stock values (?, ?)", (name, there))
        return there

    def number(self, name: str) -> int:
        """How many there are."""
        row = self._db.execute("select number from stock where name = ?", (name,)).fetchone()
        return row[0] if row else 0

    def close(self) -> None:
        """Ends the connection."""
        self._db.close()


def main(words: list[str]) -> int:
    """`put NAME NUMBER` or `number NAME`, on stock.db."""
    stock = Stock("stock.db")
    try:
        if words[:1] == ["put"] and len(words) == 3:
            print(stock.put(words[1], int(words[2])))
        elif words[:1] == ["number"] and len(words) == 2:
            print(stock.number(words[1]))
        else:
            print("usage: stock put NAME NUMBER | number NAME", file=sys.stderr)
            return 2
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        stock.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
'''
STOCK_TEST = '''"""The contract of the stock."""

import contextlib

import pytest
from stock import Stock, main


@pytest.fixture
def stock(tmp_path):
    with contextlib.closing(Stock(str(tmp_path / "a.db"))) as made:
        yield made


def test_m1_c1_what_is_put_is_there(stock):
    assert stock.number("nail") == 0
    assert stock.put("nail", 5) == 5
    assert stock.put("nail", -5) == 0
    assert stock.put("nail", 2) == 2
    assert stock.number("nail") == 2


def test_m1_c1_no_more_is_taken_than_there_is(stock):
    stock.put("nail", 1)
    with pytest.raises(ValueError, match="only 1 of nail"):
        stock.put("nail", -2)
    assert stock.number("nail") == 1


def test_m1_c1_quotes_are_names_too(stock):
    stock.put("o'ring; drop table stock", 3)
    assert stock.number("o'ring; drop table stock") == 3


def test_m1_c1_the_command_keeps_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["put", "nail", "4"]) == 0
    assert main(["number", "nail"]) == 0
    assert capsys.readouterr().out == "4\\n4\\n"


def test_m1_c1_mistakes_have_their_exit_codes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["put", "nail", "-1"]) == 1
    assert main(["put", "nail"]) == 2
    assert main(["number"]) == 2
    assert main([]) == 2
    assert "only 0 of nail" in capsys.readouterr().err
'''
FETCH = '''"""Runs jobs side by side, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable


async def gathered(jobs: list[Callable[[], Awaitable[int]]], most: int) -> list[int | None]:
    """The results in the jobs' order, None for one that failed; `most` run at once."""
    slots = asyncio.Semaphore(most)

    async def one(job: Callable[[], Awaitable[int]]) -> int | None:
        async with slots:
            try:
                return await job()
            except ValueError:
                return None

    return await asyncio.gather(*(one(job) for job in jobs))


async def echo(host: str, port: int, line: str) -> str:
    """What a line-based server answers to `line`."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(line.encode() + b"\\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer.decode().rstrip("\\n")
'''
FETCH_TEST = '''"""Jobs, under asyncio.run and a TestCase of its own."""

import asyncio
import unittest

from side_by_side import echo, gathered


class Jobs:
    def __init__(self):
        self.now = self.most = 0

    def job(self, number):
        async def run():
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            if number < 0:
                raise ValueError(number)
            return number * 2

        return run


def test_results_come_in_order_and_failures_are_none():
    jobs = Jobs()
    found = asyncio.run(gathered([jobs.job(n) for n in (3, -1, 0, 2)], 2))
    assert found == [6, None, 0, 4]
    assert jobs.most == 2


def test_one_at_a_time_is_one_at_a_time():
    jobs = Jobs()
    asyncio.run(gathered([jobs.job(n) for n in range(5)], 1))
    assert jobs.most == 1


class Echo(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        async def shout(reader, writer):
            writer.write((await reader.readline()).upper())
            writer.close()

        self.server = await asyncio.start_server(shout, "127.0.0.1", 0)

    async def asyncTearDown(self):
        self.server.close()
        await self.server.wait_closed()

    async def test_a_line_comes_back(self):
        port = self.server.sockets[0].getsockname()[1]
        self.assertEqual(await echo("127.0.0.1", port, "hello"), "HELLO")
'''


PROJECTS = (
    Project(
        "pty-and-threads",
        "honest",
        "a question on a terminal, tested over a pseudo-terminal, and a pool of threads",
        {"confirm.py": TERMINAL, "tests/test_confirm.py": TERMINAL_TEST},
        expect=("pass",),
    ),
    Project(
        "sqlite-stock",
        "honest",
        "a command line over sqlite, with criteria",
        {"stock.py": STOCK, "tests/contract/test_stock.py": STOCK_TEST},
        criteria=criteria(
            {"kind": "cli", "command": ["python", "-m", "stock"], "module": "stock"},
            "what is put is there the next time, and no more is taken than there is",
            check("shown", command("put nail 3", "3"), command("number nail", "3")),
            check("held", command("put a'b 7", "7"), command("put a'b -6", "1")),
        ),
        expect=("pass",),
    ),
    Project(
        "asyncio-jobs",
        "honest",
        "coroutines under asyncio.run and IsolatedAsyncioTestCase, with a local server",
        {"side_by_side.py": FETCH, "tests/test_jobs.py": FETCH_TEST},
        expect=("pass",),
    ),
)
