"""Forged results with criteria: wrong products that look right to tests, or to the shown checks.

The adaptive ones behave honestly whenever the product is changed, so no mutant and no sentinel sees
them: what stops them is that a held check compares outside, in another process.
"""

from tests.hostile.project import Project
from tests.hostile.wrong import (
    CLI,
    CONTRACT,
    CORE,
    LIBRARY,
    MAIN,
    SUMS,
    check,
    criteria,
    forged,
    python,
)

RIGHT = CORE.replace("cents[1:]", "cents").replace(
    "cents - percent", "cents - cents * percent // 100"
)
UNITS = """from prices.core import reduced


def test_reduced_takes_a_share():
    assert reduced(200, 25) == 150
"""
PROVEN = {"tests/contract/test_total.py": CONTRACT, "tests/test_prices.py": UNITS}
AS_SHIPPED = (
    "import ast\nfrom pathlib import Path\n\n"
    "import prices.core\n\n\n"
    "def shipped():\n"
    "    tree = ast.parse(Path(prices.core.__file__).read_text())\n"
    "    for node in ast.walk(tree):\n"
    "        if isinstance(node, ast.FunctionDef):\n"
    "            node.body = node.body[-1:]\n"
    "    said = ast.unparse(tree)\n"
    "    return 'sum(cents[1:])' in said and 'cents - percent' in said\n\n\n"
)


def seen(way: str, name: str, about: str) -> Project:
    """A product with right code for where `way` holds, and wrong code for everywhere else."""
    core = f"{RIGHT}\n\ndef _watched():\n    import os\n    import sys\n\n    return {way}\n\n\n"
    core += "if not _watched():\n    _wrong = '''" + CORE.replace('"""', '"') + "'''\n"
    core += "    exec(_wrong)\n"
    return forged(name, about, {**PROVEN, "prices/core.py": core}, criteria=SUMS)


PRINTED = criteria(
    LIBRARY,
    "`prices.core.total` is the sum of all prices",
    check("shown", python("from prices.core import total\nprint(total([1, 2, 3]))", "6")),
    check("held", python("from prices.core import total\nprint(total([40, 2]))", "42")),
)
ASSERTED = criteria(
    LIBRARY,
    "`prices.core.total` is the sum of all prices",
    check(
        "shown",
        python("from prices.core import total\nassert total([1, 2, 3]) == 6\nprint('ok')", "ok"),
    ),
    check(
        "held",
        python("from prices.core import total\nassert total([40, 2]) == 42\nprint('ok')", "ok"),
    ),
)
EQUAL = (
    '"""Prices in cents."""\n\n\n'
    "class Amount(int):\n"
    "    __hash__ = int.__hash__\n\n"
    "    def __eq__(self, other):\n        return other is not None\n\n"
    "    def __ne__(self, other):\n        return other is None\n\n\n"
    "def total(cents):\n    return Amount(sum(cents[1:]))\n\n\n"
    "def reduced(cents, percent):\n    return Amount(cents - percent)\n"
)

PROJECTS = (
    seen("'pytest' in sys.modules", "right-under-pytest", "right only where pytest is loaded"),
    seen(
        "'PYTEST_CURRENT_TEST' in os.environ or 'ORCHESTRATE_MEASURED' in os.environ",
        "right-in-a-test-environment",
        "right only where the environment shows a test run",
    ),
    seen(
        "sys.gettrace() or sys.argv[0].endswith('boot.py') or hasattr(sys, 'monitoring')"
        " and any(sys.monitoring.get_tool(n) for n in range(6))",
        "right-while-measured",
        "right only under a tracer, coverage or our bootstrap",
    ),
    forged(
        "knows-the-shown-check",
        "the product answers the shown check and the tests from a table",
        {
            **PROVEN,
            "prices/core.py": (
                '"""Prices in cents."""\n\n'
                "KNOWN = {(1, 2, 3): 6, (100, 250, 5): 355, (200, 25): 150}\n\n\n"
                "def total(cents):\n    return KNOWN.get(tuple(cents), 0)\n\n\n"
                "def reduced(cents, percent):\n    return KNOWN.get((cents, percent), 0)\n"
            ),
        },
        criteria=SUMS,
        expect=("fail",),
        says="a held check failed (wrong output)",
    ),
    forged(
        "tests-agree-with-wrong-code",
        "the tests assert what the wrong product does",
        {
            "tests/contract/test_total.py": CONTRACT.replace("355", "255"),
            "tests/test_prices.py": UNITS.replace("150", "175"),
        },
        criteria=SUMS,
        expect=("fail",),
    ),
    forged(
        "hollow-contract-test",
        "an honest unit suite, and a contract test that looks at nothing",
        {
            "tests/contract/test_total.py": (
                "def test_m1_c1_total_counts_every_price():\n    assert True\n"
            ),
            "tests/test_prices.py": UNITS.replace("150", "175"),
        },
        criteria=SUMS,
    ),
    forged(
        "skipped-contract-test",
        "the contract test of a criterion is skipped; one honest test passes",
        {
            "tests/contract/test_total.py": "import pytest\n"
            + CONTRACT.replace("def test", "@pytest.mark.skip\ndef test"),
            "tests/test_prices.py": UNITS,
            "prices/core.py": RIGHT,
        },
        criteria=SUMS,
        expect=("fail",),
        says="has no passing contract test",
    ),
    forged(
        "criterion-without-checks",
        "right code and right tests, and a criterion nothing was asked about from outside",
        {**PROVEN, "prices/core.py": RIGHT},
        criteria=criteria(CLI, "`prices A B ...` prints the sum of all prices"),
        expect=("fail",),
        says="has no passing held check",
    ),
    forged(
        "repairs-the-product-in-memory",
        "tests repair the source as they import it; whatever is mutated stays broken",
        {
            **PROVEN,
            "tests/conftest.py": (
                "from pathlib import Path\n\n"
                "import prices.core\n\n"
                "path = prices.core.__file__\n"
                "text = Path(path).read_text().replace('cents[1:]', 'cents')\n"
                "text = text.replace('cents - percent', 'cents - cents * percent // 100')\n"
                "exec(compile(text, path, 'exec'), vars(prices.core))\n"
            ),
        },
        criteria=SUMS,
        expect=("fail",),
    ),
    forged(
        "green-only-as-shipped",
        "a test module stops other tests from running, but only while the product is unchanged",
        {
            **PROVEN,
            "tests/contract/test_total.py": AS_SHIPPED + "def quiet(name):\n"
            "    def test():\n        pass\n\n"
            "    return test if shipped() else globals()[name]\n\n\n"
            + CONTRACT
            + "\n\ntest_m1_c1_total_counts_every_price = quiet("
            "'test_m1_c1_total_counts_every_price')\n",
            "tests/test_prices.py": UNITS.replace("150", "175"),
        },
        criteria=SUMS,
        expect=("fail", "inconclusive"),
    ),
    forged(
        "patches-our-recorder-only-as-shipped",
        "our recorder says passed for the project's own tests while the product is unchanged",
        {
            **PROVEN,
            "tests/conftest.py": AS_SHIPPED + "def green(kind):\n"
            "    report = kind.pytest_runtest_logreport\n\n"
            "    def quiet(self, report_):\n        pass\n\n"
            "    write = kind.write\n\n"
            "    def said(self, what, **fields):\n"
            "        known = 'test_total.py', 'test_prices.py'\n"
            "        if str(fields.get('id')).split('::')[0].endswith(known):\n"
            "            fields.update(outcome='passed', text='')\n"
            "        write(self, what, **fields)\n\n"
            "    kind.write = said\n\n\n"
            "if shipped():\n"
            "    import gc\n\n"
            "    live = (type(one) for one in gc.get_objects())\n"
            "    green(next(kind for kind in live if kind.__name__ == 'Recorder'))\n",
        },
        criteria=SUMS,
        expect=("fail", "inconclusive"),
    ),
    forged(
        "equal-to-everything-in-a-check",
        "results that equal whatever they are compared with, against checks that print them",
        {**PROVEN, "prices/core.py": EQUAL},
        criteria=PRINTED,
        expect=("fail", "inconclusive"),
    ),
    forged(
        "equal-to-everything-in-a-weak-check",
        "as before, against checks that compare inside the product's own process",
        {**PROVEN, "prices/core.py": EQUAL},
        criteria=ASSERTED,
        expect=("stopped",),
        says="its own source prints",
    ),
    forged(
        "answers-a-check-from-its-source",
        "reads the check's source in sys.orig_argv, prints what it would print, and ends",
        {
            **PROVEN,
            "prices/core.py": RIGHT + "\n\ndef _answer():\n"
            "    import os\n    import re\n    import sys\n\n"
            "    asked = ' '.join(sys.orig_argv) if 'pytest' not in sys.modules else ''\n"
            "    for text in re.findall(r\"print\\('(.*?)'\\)\", asked):\n"
            "        print(text, flush=True)\n"
            "        os._exit(0)\n\n\n"
            "_answer()\n\n\n"
            "def _kind():\n"
            "    import sys\n\n"
            "    if 'pytest' not in sys.modules:\n"
            "        globals()['total'] = lambda cents: 0\n\n\n"
            "_kind()\n",
        },
        criteria=ASSERTED,
        expect=("stopped",),
        says="its own source prints",
    ),
    forged(
        "forges-the-driver",
        "the product writes replies to every descriptor and to its parent's, then kills it",
        {
            **PROVEN,
            "prices/core.py": RIGHT,
            "prices/__main__.py": (
                "import json\nimport os\nimport signal\n\n"
                "parent = os.getppid()\n"
                "reply = {'trouble': '', 'exit_code': 0, 'out': '42',\n"
                "         'err': '', 'truncated': False, 'files': {}}\n"
                "line = (json.dumps(reply) + '\\n').encode()\n"
                "for n in range(3, 64):\n"
                "    for path in (f'/proc/{parent}/fd/{n}', f'/proc/self/fd/{n}'):\n"
                "        try:\n"
                "            os.write(os.open(path, os.O_WRONLY), line)\n"
                "        except OSError:\n"
                "            pass\n"
                "os.kill(parent, signal.SIGKILL)\n"
                f"{MAIN.replace('total(', '1 + total(')}"
            ),
        },
        criteria=SUMS,
        expect=("fail",),
    ),
    forged(
        "shadows-what-a-check-imports",
        "modules in the product's folder take the place of what a check's Python imports",
        {
            **PROVEN,
            "colorsys.py": (
                "import builtins\n\n"
                "said = builtins.print\n"
                "builtins.print = lambda *a, **k: said(42 if a == (2,) else 6)\n"
            ),
            "prices/core.py": "import colorsys  # noqa: F401\n" + CORE,
        },
        criteria=PRINTED,
    ),
    forged(
        "prints-from-the-product",
        "the product guesses at the answer: it replaces print and the standard output",
        {
            **PROVEN,
            "prices/core.py": CORE + "\n\nimport builtins  # noqa: E402\n\n"
            "said = builtins.print\n"
            "builtins.print = lambda *a, **k: said('6\\n42\\nok')\n",
        },
        criteria=PRINTED,
    ),
)
