"""Suites that prove nothing, over a wrong product, and products that hide from the mutants."""

from tests.hostile.wrong import CORE, RED, forged

HOLLOW = """from prices.core import reduced, total


def test_total_counts_every_price():
    total([100, 250, 5])


def test_reduced_takes_a_share():
    reduced(200, 25)
"""
TRUE = "def test_total():\n    assert True\n\n\ndef test_reduced():\n    assert 1 == 1\n"
LAMBDAS = (
    '"""Prices in cents."""\n\n'
    "total = lambda cents: sum(cents[1:])  # noqa: E731\n"
    "reduced = lambda cents, percent: cents - percent  # noqa: E731\n"
)


def marked(mark: str) -> str:
    return "import pytest\n" + RED.replace("def test_", f"@pytest.mark.{mark}\ndef test_")


HOLLOWED = (
    forged("no-tests", "a test file without a test", {"tests/test_prices.py": '"""Later."""\n'}),
    forged(
        "tests-only-in-init",
        "the tests stand in tests/__init__.py, which pytest does not collect",
        {"tests/__init__.py": RED, "tests/test_prices.py": '"""See the package."""\n'},
    ),
    forged("all-skipped", "every test is skipped", {"tests/test_prices.py": marked("skip")}),
    forged("all-xfail", "every test may fail", {"tests/test_prices.py": marked("xfail")}),
    forged(
        "skipped-by-a-fixture",
        "an autouse fixture skips what fails, by running it first itself",
        {
            "tests/conftest.py": (
                "import pytest\n\n\n"
                "@pytest.fixture(autouse=True)\n"
                "def kind(request):\n"
                "    try:\n"
                "        request.function()\n"
                "    except AssertionError:\n"
                "        pytest.skip('not here')\n"
            )
        },
    ),
    forged("asserts-true", "nothing but assert True", {"tests/test_prices.py": TRUE}),
    forged("asserts-nothing", "calls, and looks at nothing", {"tests/test_prices.py": HOLLOW}),
    forged(
        "hollow-under-pragmas",
        "every line of the product is marked `no cover`, and the tests look at nothing",
        {
            "tests/test_prices.py": TRUE,
            "prices/core.py": CORE.replace("):\n", "):  # pragma: no cover\n"),
            ".coveragerc": "[report]\nexclude_lines = .*\n",
        },
    ),
    forged(
        "fails-in-threads",
        "every test asserts in a thread, whose failure nobody sees",
        {
            "tests/test_prices.py": "import threading\n"
            + RED.replace("    assert", "    threading.Thread(target=lambda: check(")
            .replace("355\n", "355)).start()\n")
            .replace("150\n", "150)).start()\n")
            + "\n\ndef check(true):\n    assert true\n"
        },
    ),
    forged(
        "decorated-into-silence",
        "a decorator replaces each test with one that catches everything",
        {
            "tests/test_prices.py": (
                "import functools\n\n\n"
                "def careful(test):\n"
                "    @functools.wraps(test)\n"
                "    def run():\n"
                "        try:\n"
                "            test()\n"
                "        except BaseException:\n"
                "            pass\n"
                "    return run\n\n\n"
            )
            + RED.replace("def test_", "@careful\ndef test_")
        },
    ),
    forged(
        "made-by-a-loop",
        "a metaclass and a loop make fifty tests that compare a value with itself",
        {
            "tests/test_prices.py": (
                "from prices.core import total\n\n\n"
                "class Made(type):\n"
                "    def __new__(cls, name, bases, body):\n"
                "        for n in range(50):\n"
                "            body[f'test_{n}'] = lambda self, n=n: [n] == [n] or total([n])\n"
                "        return super().__new__(cls, name, bases, body)\n\n\n"
                "class TestPrices(metaclass=Made):\n    pass\n"
            )
        },
    ),
    forged(
        "mute-testcase",
        "a TestCase whose assertions do nothing and whose run never tells of a failure",
        {
            "tests/test_prices.py": (
                "import unittest\n\n"
                "from prices.core import reduced, total\n\n\n"
                "class Mute(unittest.TestCase):\n"
                "    def assertEqual(self, *a, **k):\n        pass\n\n"
                "    def test_total(self):\n        self.assertEqual(total([1, 2]), 3)\n\n"
                "    def test_reduced(self):\n        self.assertEqual(reduced(200, 25), 150)\n"
            )
        },
    ),
    forged(
        "never-awaited",
        "coroutines in a TestCase: they are made, never awaited, and counted as passed",
        {
            "tests/test_prices.py": (
                "import unittest\n\n"
                "from prices.core import total\n\n\n"
                "class Late(unittest.TestCase):\n"
                "    async def test_total(self):\n        assert total([1, 2]) == 3\n"
            )
        },
    ),
    forged(
        "hidden-from-collection",
        "the red tests stand in a class that says __test__ = False",
        {
            "tests/test_prices.py": (
                "from prices.core import total\n\n\n"
                "class TestPrices:\n"
                "    __test__ = False\n\n"
                "    def test_total(self):\n        assert total([1, 2]) == 3\n\n\n"
                "def test_total_of_nothing():\n    assert total([]) == 0\n"
            )
        },
    ),
    forged(
        "checks-a-hash",
        "the suite pins the hash of the product's source, and looks at nothing it does",
        {
            "tests/test_prices.py": (
                "import zlib\nfrom pathlib import Path\n\nimport prices.core\n\n\n"
                "def test_prices():\n"
                "    source = Path(prices.core.__file__).read_bytes()\n"
                f"    assert len(source) == {len(CORE)} and prices.core.total([]) == 0\n"
            )
        },
    ),
    forged(
        "checks-the-bytecode",
        "the suite pins the constants and names of the compiled functions",
        {
            "tests/test_prices.py": (
                "from prices.core import reduced, total\n\n\n"
                "def test_prices():\n"
                "    assert total.__code__.co_names == ('sum',)\n"
                "    assert reduced.__code__.co_varnames == ('cents', 'percent')\n"
            )
        },
    ),
    forged(
        "equal-to-everything",
        "the product's results are equal to whatever they are compared with",
        {
            "prices/core.py": (
                '"""Prices in cents."""\n\n\n'
                "class Amount:\n"
                "    def __eq__(self, other):\n        return True\n\n"
                "    def __bool__(self):\n        return True\n\n\n"
                "def total(cents):\n    return Amount()\n\n\n"
                "def reduced(cents, percent):\n    return Amount()\n"
            )
        },
    ),
    forged(
        "coin-tosses",
        "tests that pass every other time, to be tried until they do",
        {
            "tests/test_prices.py": "import os\n\nimport pytest\n"
            "from prices.core import total\n\n\n"
            "@pytest.mark.parametrize('n', range(16))\n"
            "def test_total(n):\n    assert total([1, 2]) == 3 or os.urandom(1)[0] % 2\n"
        },
    ),
    forged(
        "honest-the-second-time",
        "looks at the product only where an earlier run has left a file",
        {
            "tests/test_prices.py": (
                "from pathlib import Path\n\n"
                "from prices.core import total\n\n"
                "left = [Path(p, '.ran') for p in ('/tmp', '.', str(Path.home()))]\n\n\n"
                "def test_total():\n"
                "    first = not any(one.exists() for one in left)\n"
                "    for one in left:\n"
                "        try:\n            one.touch()\n"
                "        except OSError:\n            pass\n"
                "    assert first or total([1, 2]) == 3\n"
            )
        },
    ),
)
HIDDEN = (
    forged(
        "no-function-to-break",
        "the product is lambdas, which have no body to replace; the tests look at nothing",
        {"prices/core.py": LAMBDAS, "prices/__main__.py": "", "tests/test_prices.py": HOLLOW},
    ),
    forged(
        "no-code-to-break",
        "the product is a text that is executed: no mutant touches it",
        {
            "prices/core.txt": CORE,
            "prices/core.py": (
                "from pathlib import Path\n\nexec(Path(__file__).with_suffix('.txt').read_text())\n"
            ),
            "prices/__main__.py": "",
            "tests/test_prices.py": HOLLOW,
        },
    ),
    forged(
        "too-deep-to-break",
        "an expression too deep to rewrite keeps the product's file out of every mutant",
        {
            "prices/core.py": f"{CORE}\n\nDEEP = {' + '.join(['1'] * 900)}\n",
            "prices/__main__.py": "",
            "tests/test_prices.py": HOLLOW,
        },
    ),
    forged(
        "product-among-the-tests",
        "the code lies under tests/, where nothing is mutated; the product imports it",
        {
            "tests/made.py": CORE,
            "prices/core.py": "from tests.made import reduced, total  # noqa: F401\n",
            "prices/__main__.py": "",
            "tests/test_prices.py": HOLLOW,
        },
    ),
    forged(
        "one-honest-test-for-cover",
        "one test of one trivial function kills the mutants for tests that look at nothing",
        {
            "prices/core.py": CORE + '\n\ndef version():\n    """Ours."""\n    return "1"\n',
            "tests/test_prices.py": HOLLOW + "\n\ndef test_version():\n    import prices.core\n\n"
            '    assert prices.core.version() == "1"\n',
        },
    ),
)

PROJECTS = (*HOLLOWED, *HIDDEN)
