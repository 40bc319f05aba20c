"""Forged results, by way of pytest: hooks, patches, configuration, planted modules."""

from tests.hostile.wrong import CORE, RED, forged

GREEN = "rep.outcome = 'passed'\n    rep.longrepr = None\n"

PROJECTS = (
    forged(
        "hook-makereport",
        "a conftest hook turns every report green",
        {
            "tests/conftest.py": (
                "import pytest\n\n\n"
                "@pytest.hookimpl(wrapper=True)\n"
                "def pytest_runtest_makereport(item, call):\n"
                f"    rep = yield\n    {GREEN}    return rep\n"
            )
        },
    ),
    forged(
        "hook-by-another-name",
        "a hook under a name of its own, by hookimpl(specname=...)",
        {
            "tests/conftest.py": (
                "import pytest\n\n\n"
                "@pytest.hookimpl(wrapper=True, specname='pytest_runtest_makereport')\n"
                "def pytest_tidy(item, call):\n"
                f"    rep = yield\n    {GREEN}    return rep\n"
            )
        },
    ),
    forged(
        "hook-by-assignment",
        "a hook that no def names: assigned into the module's globals",
        {
            "tests/conftest.py": (
                "def quiet(report):\n"
                "    report.outcome, report.longrepr = 'passed', None\n\n\n"
                "globals()['pytest_runtest_' + 'logreport'] = quiet\n"
            )
        },
    ),
    forged(
        "hook-registered-by-configure",
        "pytest_configure, which is allowed, registers a plugin that turns reports green",
        {
            "tests/conftest.py": (
                "import pytest\n\n\n"
                "class Green:\n"
                "    @pytest.hookimpl(tryfirst=True)\n"
                "    def pytest_runtest_logreport(self, report):\n"
                "        report.outcome, report.longrepr = 'passed', None\n\n\n"
                "def pytest_configure(config):\n"
                "    config.pluginmanager.register(Green())\n"
            )
        },
    ),
    forged(
        "hook-registered-by-a-fixture",
        "an autouse fixture registers the plugin: there is no hook in any conftest",
        {
            "tests/conftest.py": (
                "import pytest\n\n\n"
                "class Green:\n"
                "    @pytest.hookimpl(tryfirst=True)\n"
                "    def pytest_runtest_logreport(self, report):\n"
                "        report.outcome, report.longrepr = 'passed', None\n\n\n"
                "@pytest.fixture(autouse=True, scope='session')\n"
                "def green(request):\n"
                "    request.config.pluginmanager.register(Green())\n"
            )
        },
    ),
    forged(
        "hook-only-for-own-tests",
        "turns green only the tests it knows by name, so a sentinel of ours stays red",
        {
            "tests/conftest.py": (
                "import pytest\n\n\n"
                "class Green:\n"
                "    @pytest.hookimpl(tryfirst=True)\n"
                "    def pytest_runtest_logreport(self, report):\n"
                "        if 'test_prices.py' in report.nodeid:\n"
                "            report.outcome, report.longrepr = 'passed', None\n\n\n"
                "@pytest.fixture(autouse=True, scope='session')\n"
                "def green(request):\n"
                "    request.config.pluginmanager.register(Green())\n"
            )
        },
    ),
    forged(
        "plugins-named-by-a-test",
        "pytest_plugins in conftest names a module of the tree that holds the hook",
        {
            "tests/conftest.py": "pytest_plugins = ['prices.testing']\n",
            "prices/testing.py": (
                "import pytest\n\n\n"
                "@pytest.hookimpl(tryfirst=True)\n"
                "def pytest_runtest_logreport(report):\n"
                "    report.outcome, report.longrepr = 'passed', None\n"
            ),
        },
    ),
    forged(
        "drops-the-red-tests",
        "pytest_collection_modifyitems keeps only the test that passes",
        {
            "tests/conftest.py": (
                "def pytest_collection_modifyitems(items):\n"
                "    items[:] = [one for one in items if 'nothing' in one.name]\n"
            ),
            "tests/test_prices.py": RED
            + "\n\ndef test_total_of_nothing():\n    assert total([]) == 0\n",
        },
    ),
    forged(
        "ignores-the-red-files",
        "collect_ignore_glob, which is no hook, leaves out the file with the red tests",
        {
            "tests/conftest.py": "collect_ignore_glob = ['test_prices*']\n",
            "tests/test_nothing.py": (
                "from prices.core import total\n\n\n"
                "def test_total_of_nothing():\n    assert total([]) == 0\n"
            ),
        },
    ),
    forged(
        "patches-the-report-class",
        "conftest makes every TestReport say that it passed",
        {
            "tests/conftest.py": (
                "import _pytest.reports\n\n"
                "made = _pytest.reports.TestReport.from_item_and_call.__func__\n\n\n"
                "def green(cls, item, call):\n"
                "    rep = made(cls, item, call)\n"
                f"    {GREEN}    return rep\n\n\n"
                "_pytest.reports.TestReport.from_item_and_call = classmethod(green)\n"
            )
        },
    ),
    forged(
        "patches-how-a-test-runs",
        "a test module replaces Function.runtest: no test's body is run any more",
        {
            "tests/test_prices.py": (
                "import sys\n\n"
                "sys.modules['_pytest.python'].Function.runtest = lambda self: None\n" + RED
            )
        },
    ),
    forged(
        "swallows-assertion-errors",
        "the product, once imported by pytest, swallows every AssertionError of a test",
        {
            "prices/core.py": CORE
            + """

def _kind():
    import sys

    python = sys.modules.get("_pytest.python")
    if python is None:
        return
    run = python.Function.runtest

    def quiet(self):
        try:
            run(self)
        except AssertionError:
            pass

    python.Function.runtest = quiet


_kind()
"""
        },
    ),
    forged(
        "rewrites-the-rewriter",
        "conftest makes pytest's assertion rewriter drop every assert statement",
        {
            "tests/conftest.py": (
                "import ast\n\n"
                "from _pytest.assertion import rewrite\n\n"
                "rewrite.AssertionRewriter.visit_Assert = lambda self, node: [\n"
                "    ast.copy_location(ast.Pass(), node)\n]\n"
            )
        },
    ),
    forged(
        "asserts-that-raise-nothing",
        "AssertionError becomes a Skipped in the builtins, so that a failure is a skip",
        {
            "tests/conftest.py": (
                "import builtins\n\nimport pytest\n\n"
                "builtins.AssertionError = pytest.skip.Exception\n"
            )
        },
    ),
    forged(
        "options-in-pytest-ini",
        "pytest.ini deselects the red tests and loads a plugin from the tree",
        {
            "pytest.ini": "[pytest]\naddopts = -k nothing -p prices.testing\npython_files = ok_*\n",
            "tests/ok_one.py": "def test_nothing():\n    assert True\n",
            "prices/testing.py": "",
        },
    ),
    forged(
        "options-in-pyproject",
        "pyproject.toml, setup.cfg and tox.ini ask pytest to collect only",
        {
            "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--co"\ntestpaths = ["none"]\n',
            "setup.cfg": "[tool:pytest]\naddopts = --co\n",
            "tox.ini": "[pytest]\naddopts = --co\n",
        },
    ),
    forged(
        "shadows-pytest",
        "a pytest.py and an _pytest package in the tree whose main says that all is well",
        {
            "pytest.py": (
                "def main(*a, **k):\n    return 0\n\n\ndef fixture(f=None, **k):\n    return f\n"
            ),
            "_pytest/__init__.py": "",
            "_pytest/python.py": "class Function:\n    pass\n",
        },
    ),
    forged(
        "shadows-the-standard-library",
        "json.py, random.py and coverage.py in the tree patch pytest when they are imported",
        {
            name: (
                "import sys\n\n"
                "python = sys.modules.get('_pytest.python')\n"
                "if python:\n"
                "    python.Function.runtest = lambda self: None\n"
                "dumps = loads = dump = load = choice = seed = lambda *a, **k: 'null'\n"
            )
            for name in ("json.py", "random.py", "coverage.py", "colorsys.py")
        }
        | {"tests/test_prices.py": "import colorsys  # noqa: F401\n" + RED},
    ),
    forged(
        "sitecustomize-in-the-tree",
        "sitecustomize, usercustomize and a .pth file patch every Python that reads them",
        {
            name: (
                "import sys\n\n\n"
                "class Sink:\n"
                "    def find_spec(self, name, path, target=None):\n"
                "        if name == 'prices.core':\n"
                "            import _pytest.python as python\n"
                "            python.Function.runtest = lambda self: None\n\n\n"
                "sys.meta_path.insert(0, Sink())\n"
            )
            for name in ("sitecustomize.py", "usercustomize.py")
        }
        | {"evil.pth": "import sitecustomize\n"},
    ),
)
