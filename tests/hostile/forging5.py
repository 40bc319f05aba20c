"""Forged results of suites that tell a mutant's run from the others."""

from tests.hostile.project import Project
from tests.hostile.wrong import CORE, RED, forged


def told(way: str, name: str, about: str, imports: str = "") -> Project:
    """Tests that fail where `way` holds and pass anywhere else, whatever the product does."""
    source = (
        f"import sys\n{imports}\nfrom prices.core import reduced, total\n\n\n"
        f"def test_total(request):\n    total([1, 2])\n    assert not ({way})\n\n\n"
        f"def test_reduced(request):\n    reduced(2, 1)\n    assert not ({way})\n"
    )
    return forged(name, about, {"tests/test_prices.py": source})


MEASURED = "hasattr(sys, 'monitoring') and sys.monitoring.get_tool(3) or sys.gettrace()"

PROJECTS = (
    told(
        "'quick' in sys.argv",
        "red-where-argv-says-quick",
        "fails only where our bootstrap's own arguments show a mutant's run",
    ),
    told(
        "request.config.getoption('maxfail')",
        "red-where-pytest-stops-early",
        "fails only where pytest was told to stop at the first failure",
    ),
    told(
        "len(list(Path(__file__).parent.glob('test_*.py'))) < 3",
        "red-where-no-sentinel-is",
        "fails only where no test file of ours lies beside it",
        "from pathlib import Path\n",
    ),
    told(
        "len(request.session.items) < 3",
        "red-where-few-tests-are",
        "fails only where no test but its own was collected",
    ),
    told(
        f"not ({MEASURED})",
        "red-where-nothing-measures",
        "fails only where no coverage is taken",
    ),
    forged(
        "red-where-comments-are-gone",
        "fails only where the product's source was written anew by a program",
        {
            "prices/core.py": f"{CORE}# kept\n",
            "tests/test_prices.py": (
                "from pathlib import Path\n\nimport prices.core\n\n\n"
                "def test_total():\n"
                "    prices.core.total([1, 2])\n"
                "    assert '# kept' in Path(prices.core.__file__).read_text()\n"
            ),
        },
    ),
    forged(
        "red-where-the-text-was-touched",
        "fails only where the source, read as a tree without what we add, is another one",
        {
            "tests/test_prices.py": (
                "import ast\nfrom pathlib import Path\n\nimport prices.core\n\n\n"
                "def test_total():\n"
                "    tree = ast.parse(Path(prices.core.__file__).read_text())\n"
                "    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]\n"
                "    said = [ast.unparse(one.body[-1]) for one in functions]\n"
                "    assert said == ['return sum(cents[1:])', 'return cents - percent']\n"
                "    assert prices.core.total([]) == 0\n"
            )
        },
    ),
    forged(
        "repairs-the-source-on-disk",
        "the product itself writes right code into its file when pytest imports it",
        {
            "prices/core.py": CORE + "\n\ndef _mend():\n"
            "    import sys\n"
            "    from pathlib import Path\n\n"
            "    if 'pytest' in sys.modules:\n"
            "        text = Path(__file__).read_text().replace('cents[1:]', 'cents', 1)\n"
            "        text = text.replace('cents - percent', 'cents - cents * percent // 100', 1)\n"
            "        Path(__file__).write_text(text)\n"
            "        exec(text.split('def _mend')[0], globals())\n\n\n"
            "_mend()\n"
        },
    ),
    forged(
        "assertions-without-a-plugin",
        "no hook, no innards by name: a test reaches pytest through the classes of its own request",
        {
            "tests/test_prices.py": (
                "import pytest\n\n\n"
                "@pytest.fixture(autouse=True)\n"
                "def kind(request):\n"
                "    node = request.node\n"
                "    node.runtest, kept = (lambda: None), node.runtest\n"
                "    return kept\n\n\n"
            )
            + RED
        },
    ),
    forged(
        "reaches-the-plugins-by-a-string",
        "as a hook for its own tests only, with every telling name put together at run time",
        {
            "tests/test_prices.py": (
                "import pytest\n\n\n"
                "def quiet(report):\n"
                "    if 'test_prices' in report.nodeid:\n"
                "        report.outcome, report.longrepr = 'passed', None\n\n\n"
                "@pytest.fixture(autouse=True, scope='session')\n"
                "def kind(request):\n"
                "    plugins = getattr(request.config, 'plugin' + 'manager')\n"
                "    hook = getattr(plugins.hook, 'pytest_' + 'runtest_logreport')\n"
                "    impl = hook.get_hookimpls()[0]\n"
                "    Impl = type(impl)\n"
                "    hook._hookimpls.append(Impl(kind, 'quiet', quiet, impl.opts))\n\n\n"
            )
            + RED
        },
    ),
)
