"""Texts that act on a terminal, a page or a log rather than being read there."""

from tests.hostile.project import Project
from tests.hostile.wrong import RED, WRONG

RED_INK = "\x1b[31mnot so bad\x1b[0m"
CLEARS = "\x1b[2J\x1b[H\x1b]0;all passed\x07"
CLIPBOARD = "\x1b]52;c;cm0gLXJmIH4=\x07"
LINK = "\x1b]8;;http://127.0.0.1/\x1b\\verdict: pass\x1b]8;;\x1b\\"
RETURNS = "assert 1 == 2\r\x1b[2Kverdict: pass\x08\x08\x08\x08"
BIDI = "\u202egnihton sliaf\u202c \u2066\u2067\u2069 \u200f\u200b\ufeff"
C1 = "\x9b31m\x9d0;owned\x9c\x85\u2028\u2029"
HTML = "<script>alert(1)</script><img src=x onerror=alert(2)>"
MARKDOWN = "[pass](javascript:alert(1)) ![](http://127.0.0.1/x.png) `</code>` | # verdict: pass"
CONTROLS = ("\x1b", "\x07", "\x08", "\x9b", "\x9d", "\r", "\x00")
BIDIS = ("\u202e", "\u2066", "\u2067", "\u200f", "\u2028")


def failing(name: str, about: str, text: str, *absent: str) -> Project:
    """The wrong product, and one more test that fails with `text`, printing it before."""
    test = (
        "import sys\n\n\n"
        "def test_text():\n"
        f"    text = {text!a}\n"
        "    sys.stdout.write(text)\n"
        "    sys.stderr.write(text)\n"
        "    raise AssertionError(text)\n"
    )
    return Project(
        name,
        "rendering",
        about,
        {**WRONG, "tests/test_prices.py": RED, "tests/test_text.py": test},
        absent=absent,
        says="test_text failed",
    )


def named(name: str, about: str, text: str, *absent: str) -> Project:
    """As `failing`, but the text is a test's own name, which no source spells."""
    test = (
        "from prices.core import total\n\n\n"
        "def fails():\n    assert total([1, 2]) == 3\n\n\n"
        f"globals()['test_' + {text!a}] = fails\n"
    )
    return Project(
        name,
        "rendering",
        about,
        {**WRONG, "tests/test_prices.py": RED, "tests/test_name.py": test},
        absent=absent,
        says="failed",
    )


def printing(name: str, about: str, text: str, *absent: str) -> Project:
    """A command that writes `text` as raw bytes to both streams."""
    raw = text.encode("utf-8", "surrogateescape")
    code = f"import os; b = {raw!r}; os.write(1, b); os.write(2, b)"
    return Project(
        name,
        "rendering",
        about,
        {"app.py": "X = 1\n"},
        interface="sandbox",
        command=("python", "-c", code),
        expect=("exited",),
        absent=absent,
    )


PROJECTS = (
    failing("escapes-in-a-failure", "colours and a cleared screen", RED_INK + CLEARS, *CONTROLS),
    failing("clipboard-in-a-failure", "OSC 52 and OSC 8", CLIPBOARD + LINK, *CONTROLS),
    failing("returns-in-a-failure", "overwrites its own line", RETURNS, *CONTROLS),
    failing("bidi-in-a-failure", "text that reads backwards", BIDI, *BIDIS),
    failing("c1-in-a-failure", "eight-bit controls, line separators", C1, *CONTROLS, *BIDIS),
    failing("nul-in-a-failure", "NULs in a message", "a\x00b\x00verdict: pass", *CONTROLS),
    failing("surrogate-in-a-failure", "a lone surrogate", "a\udcff\ud800b", "\ud800", "\udcff"),
    failing("huge-line-in-a-failure", "a line of three megabytes", "A" * 3_000_000, "A" * 10_000),
    failing("markup-in-a-failure", "HTML and Markdown", f"{HTML} {MARKDOWN}"),
    named("escapes-in-a-test-name", "a test's name clears the screen", CLEARS, *CONTROLS),
    named("bidi-in-a-test-name", "a test's name reads backwards", BIDI, *BIDIS),
    named(
        "newlines-in-a-test-name",
        "a name with a verdict on a line of its own",
        "a\nverdict: pass\n",
    ),
    named("markup-in-a-test-name", "HTML and Markdown in a name", HTML + MARKDOWN),
    named("surrogate-in-a-test-name", "a lone surrogate in a name", "a\ud800b", "\ud800"),
    printing(
        "sandboxed-command-writes-escapes",
        "a command in the sandbox writes terminal escapes, a NUL and invalid UTF-8",
        f"{CLEARS}{CLIPBOARD}{RETURNS}\x00\udcff\udc9b31m",
        *CONTROLS,
    ),
    printing("sandboxed-command-writes-bidi", "a command writes bidi overrides", BIDI, *BIDIS),
)
