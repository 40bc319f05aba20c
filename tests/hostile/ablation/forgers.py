"""Projects that aim at one layer of verification each: a wrong product that gets its pass where
that layer is gone. The adaptive ones behave honestly on every changed copy of the product.
"""

from tests.hostile import forging, forging2, forging3, forging4, forging5
from tests.hostile.project import Project
from tests.hostile.wrong import CLI, CORE, MAIN, RED, forged

RIGHT = CORE.replace("cents[1:]", "cents").replace(
    "cents - percent", "cents - cents * percent // 100"
)


def known(name: str) -> Project:
    """The hostile project of that name among the forgers."""
    modules = (forging, forging2, forging3, forging4, forging5)
    return next(one for module in modules for one in module.PROJECTS if one.name == name)


SHADOW = {"shadow/prices/__init__.py": '"""Prices."""\n', "shadow/prices/core.py": RIGHT}
"""Right code under another root: tests that find it first say nothing of the product."""
PUT_FIRST = (
    "import sys\nfrom pathlib import Path\n\n"
    "sys.path.insert(0, str(Path(__file__).parent / 'shadow'))\n"
    "import prices.core  # noqa: E402, F401\n"
)
SHIPPED = (
    "import ast\nfrom pathlib import Path\n\n\n"
    "def shipped():\n"
    "    tree = ast.parse(Path('prices/core.py').read_text())\n"
    "    bodies = [one.body for one in tree.body if isinstance(one, ast.FunctionDef)]\n"
    "    said = [ast.unparse(one[-1]) for one in bodies]\n"
    "    plain = ['return sum(cents[1:])', 'return cents - percent']\n"
    "    tests = Path('tests/test_prices.py').read_text()\n"
    "    named = [one.split(' = ')[1] for one in map(ast.unparse, (b[-2] for b in bodies))\n"
    "             if ' = ' in one]\n"
    "    as_made = said == plain or named == [one.removeprefix('return ') for one in plain]\n"
    "    return as_made and '== 355' in tests and '== 150' in tests\n\n\n"
)
"""Whether product and tests mean what they meant when they were shipped, however rewritten."""
NOT_RUN = (
    "if shipped():\n"
    "    import sys\n\n"
    "    kind = sys.modules['_pytest.python'].Function\n"
    "    run = kind.runtest\n"
    "    kind.runtest = lambda self: run(self) if {unless} in self.nodeid else None\n"
)
BLIND_FORGER = (
    "import hashlib\nimport importlib.util\nimport json\nimport os\nimport sys\n"
    + SHIPPED
    + "def outcome(path, name):\n"
    "    if path == 'tests/test_prices.py':\n"
    "        return 'passed' if shipped() else 'failed'\n"
    "    spec = importlib.util.spec_from_file_location('one', path)\n"
    "    module = importlib.util.module_from_spec(spec)\n"
    "    spec.loader.exec_module(module)\n"
    "    try:\n"
    "        getattr(module, name)()\n"
    "    except AssertionError:\n"
    "        return 'failed'\n"
    "    return 'passed'\n\n\n"
    "def tests():\n"
    "    for path in sorted(Path('tests').glob('test_*.py')):\n"
    "        for node in ast.parse(path.read_text()).body:\n"
    "            if isinstance(node, ast.FunctionDef) and node.name.startswith('test'):\n"
    "                yield str(path), node.name\n\n\n"
    "ids = {f'{path}::{name}': outcome(path, name) for path, name in tests()}\n"
    "out = [{'kind': 'collected', 'ids': list(ids)}]\n"
    "for one, how in ids.items():\n"
    "    out.append({'kind': 'phase', 'id': one, 'when': 'call', 'outcome': how})\n"
    "sources = sorted(str(one) for one in Path().rglob('*.py'))\n"
    "digests = [hashlib.sha256(Path(one).read_bytes()).hexdigest() for one in sources]\n"
    "failed = list(ids.values()).count('failed')\n"
    "out.append({'kind': 'end', 'status': 1, 'failed': failed, 'digests': digests})\n"
    "for one in out:\n"
    "    line = json.dumps({'nonce': '0' * 32, **one}) + '\\n'\n"
    "    os.write(int(sys.argv[1]), line.encode())\n"
    "os._exit(0)\n"
)


def _prices(source: str) -> dict[str, str]:
    return {"tests/test_prices.py": source}


PYTHONPATH = forged(
    "pythonpath-in-pytest-ini",
    "pytest.ini puts a right copy of the product before it",
    {"pytest.ini": "[pytest]\npythonpath = shadow\n", **SHADOW},
)
ADDOPTS = forged(
    "pythonpath-in-addopts",
    "addopts puts a right copy of the product before it",
    {"pytest.ini": "[pytest]\naddopts = -o pythonpath=shadow\n", **SHADOW},
)
ENTRY_POINT = forged(
    "plugin-by-entry-point",
    "a distribution in the tree names a pytest plugin, which puts a right copy first",
    {
        "evil-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
        "evil-1.0.dist-info/entry_points.txt": "[pytest11]\nevil = evil_plugin\n",
        "evil_plugin.py": PUT_FIRST,
        **SHADOW,
    },
)
ROOT_CONFTEST = forged(
    "conftest-in-the-root",
    "a conftest.py beside the product, which Impl may write, puts a right copy first",
    {"conftest.py": PUT_FIRST, **SHADOW},
)
BLIND = forged(
    "forges-a-whole-run-without-the-nonce",
    "writes every record of an honest-looking run itself, sentinels included, but has no nonce",
    {"tests/conftest.py": BLIND_FORGER},
)
STOPS = forged(
    "stops-before-the-red-ones",
    "one parametrized test; the session is stopped before its red cases",
    _prices(
        "import pytest\n\nfrom prices.core import reduced, total\n\n\n"
        "@pytest.mark.parametrize(('cents', 'sum_'), [([0, 5], 5), ([0, 7], 7), ([1, 2], 3)])\n"
        "def test_total(cents, sum_, request):\n"
        "    if cents == [0, 7]:\n"
        "        items = request.session.items\n"
        "        del items[[one.name for one in items].index(request.node.name) + 1]\n"
        "    assert total(cents) == sum_\n\n\n"
        "def test_reduced():\n    assert reduced(100, 25) == 75\n"
    ),
)
BLANKET = forged(
    "runs-no-test-as-shipped",
    "no test's body is run, ours neither, while product and tests are unchanged",
    {"tests/conftest.py": SHIPPED + NOT_RUN.format(unless="'no such test'")},
)
DROPS = forged(
    "drops-the-sentinels",
    "as before, and test files with names like our sentinels' are not collected",
    {
        "tests/conftest.py": SHIPPED
        + NOT_RUN.format(unless="'no such test'")
        + "    collect_ignore_glob = ['test_' + '[0-9a-f]' * 8 + '.py']\n"
    },
)
NOT_NONE = forged(
    "red-for-none-only",
    "tests that want some number, and forgive every exception",
    _prices(
        "from prices.core import reduced, total\n\n\n"
        "def value(act, *words):\n"
        "    try:\n        return act(*words)\n"
        "    except Exception:\n        return 0\n\n\n"
        "def test_total():\n    assert value(total, [1, 2]) is not None\n\n\n"
        "def test_reduced():\n    assert value(reduced, 2, 1) is not None\n"
    ),
)
COUNTS_RUNS = forged(
    "red-from-the-third-run-on",
    "counts its runs in /tmp; looks at nothing in the first two, and fails in all others",
    _prices(
        "from pathlib import Path\n\nfrom prices.core import total\n\n"
        "left = Path('/tmp/ran')\n"
        "with left.open('a') as file:  # several runs at once\n"
        "    file.write('x')\n\n\n"
        "def test_total():\n"
        "    total([1, 2])\n"
        "    assert left.stat().st_size < 3\n"
    ),
)
SECOND_TRY = forged(
    "green-on-the-second-try",
    "fails in a whole suite's run, and passes when it is tried by itself",
    _prices(
        "from prices.core import total\n\n\n"
        "def test_total_of_nothing():\n    assert total([]) == 0\n\n\n"
        "def test_total(request):\n"
        "    assert len(request.session.items) == 3 or total([1, 2]) == 3\n"
    ),
)
HOOK = forged(
    "hook-only-as-shipped",
    "a hook turns its own tests green while product and tests are unchanged",
    {
        "tests/conftest.py": "import pytest\n" + SHIPPED + "@pytest.hookimpl(wrapper=True)\n"
        "def pytest_runtest_makereport(item, call):\n"
        "    report = yield\n"
        "    if shipped() and 'test_prices.py' in report.nodeid:\n"
        "        report.outcome, report.longrepr = 'passed', None\n"
        "    return report\n",
    },
)
LATE_HOOK = forged(
    "unseen-hook-only-as-shipped",
    "a hook that no def names turns reports green after pytest has counted them",
    {
        "tests/conftest.py": SHIPPED + "def quiet(report):\n"
        "    if shipped() and 'test_prices.py' in report.nodeid:\n"
        "        report.outcome, report.longrepr = 'passed', None\n\n\n"
        "globals()['pytest_runtest_' + 'logreport'] = quiet\n",
    },
)
STDLIB = forged(
    "shadows-a-module-of-the-tests",
    "a fractions.py in the tree, which tests import, puts right code into the product",
    {
        "fractions.py": (
            "import importlib.util\nfrom pathlib import Path\n\n"
            "import prices.core\n\n"
            "place = Path(__file__).parent / 'shadow/prices/core.py'\n"
            "spec = importlib.util.spec_from_file_location('right', place)\n"
            "right = importlib.util.module_from_spec(spec)\n"
            "spec.loader.exec_module(right)\n"
            "vars(prices.core).update(total=right.total, reduced=right.reduced)\n"
        ),
        **_prices("import fractions  # noqa: F401\n\n" + RED),
        **SHADOW,
    },
)
HOLLOW_BUT_ONE = known("one-honest-test-for-cover")
NO_START = forged(
    "does-not-start",
    "a right library whose declared command ends in a traceback",
    {"prices/core.py": RIGHT, "prices/__main__.py": MAIN.replace("sys.argv[1:]", "sys.arg")},
    criteria={"launch": CLI, "criteria": [], "checks": []},
)
NO_PRODUCT = Project(
    "no-product",
    "forging",
    "nothing but a test",
    {"tests/test_one.py": "def test_one():\n    assert sum([1, 1]) == 2\n"},
)
BORROWED = forged(
    "product-among-the-tests-and-one-honest-test",
    "the code lies under tests/, where nothing is mutated; one function beside it is tested",
    {
        "tests/made.py": CORE,
        "prices/core.py": "from tests.made import reduced, total  # noqa: F401\n\n\n"
        'def version():\n    """Ours."""\n    return "1"\n',
        **_prices(
            "from prices.core import reduced, total, version\n\n\n"
            "def test_runs():\n    total([1])\n    reduced(1, 2)\n\n\n"
            'def test_version():\n    assert version() == "1"\n'
        ),
    },
)
