"""Forged results, by way of the process: exits, descriptors, our own objects, other processes."""

from tests.hostile.wrong import CORE, RED, forged

SUMMARY = "print('\\n======= 2 passed in 0.01s =======', flush=True)\n"
PASSED = (
    "import json, os\n\n"
    "def forge(nonce):\n"
    "    names = ['test_total_counts_every_price', 'test_reduced_takes_a_share']\n"
    "    ids = ['tests/test_prices.py::' + name for name in names]\n"
    "    out = [{'kind': 'collected', 'ids': ids}]\n"
    "    for one in ids:\n"
    "        out.append({'kind': 'phase', 'id': one, 'when': 'call', 'outcome': 'passed'})\n"
    "    out.append({'kind': 'end', 'status': 0, 'missed': [], 'statements': 9})\n"
    "    text = ''.join(json.dumps({'nonce': nonce, **one}) + '\\n' for one in out)\n"
    "    return text.encode()\n\n\n"
)
FIND = (
    "import gc\n\n\n"
    "def recorder():\n"
    "    return next(o for o in gc.get_objects() if type(o).__name__ == 'Recorder')\n\n\n"
)

PROJECTS = (
    forged(
        "exit-zero-in-a-test",
        "the first test prints a summary of pytest's and ends the process with 0",
        {"tests/test_a.py": f"import os\n\n\ndef test_a():\n    {SUMMARY}    os._exit(0)\n"},
    ),
    forged(
        "exit-zero-at-import",
        "the product ends the process with 0 while a test module imports it",
        {"prices/core.py": f"{SUMMARY}import sys\n\nsys.exit(0)\n{CORE}"},
    ),
    forged(
        "pytest-exit",
        "a test calls pytest.exit with return code 0",
        {"tests/test_a.py": "import pytest\n\n\ndef test_a():\n    pytest.exit('done', 0)\n"},
    ),
    forged(
        "exit-zero-at-the-end",
        "an atexit function and a patched os._exit turn every exit code into 0",
        {
            "tests/conftest.py": (
                "import atexit\nimport os\n\n"
                "leave = os._exit\n"
                "os._exit = lambda code: leave(0)\n"
                "atexit.register(leave, 0)\n"
            )
        },
    ),
    forged(
        "kills-what-started-it",
        "a test kills its parent and everything else that it may signal",
        {
            "tests/test_a.py": (
                "import os\nimport signal\n\n\n"
                "def test_a():\n"
                "    for pid in (os.getppid(), -1):\n"
                "        try:\n"
                "            os.kill(pid, signal.SIGKILL)\n"
                "        except OSError:\n"
                "            pass\n"
            )
        },
    ),
    forged(
        "writes-to-every-descriptor",
        "writes a record of its own, and one with an empty nonce, to every open descriptor",
        {
            "tests/test_a.py": PASSED + "def test_a():\n"
            "    for fd in range(3, 64):\n"
            "        for nonce in ('', '0' * 32):\n"
            "            try:\n"
            "                os.write(fd, forge(nonce))\n"
            "            except OSError:\n"
            "                pass\n"
            "    os._exit(0)\n"
        },
    ),
    forged(
        "writes-with-our-nonce",
        "finds our recorder among the live objects, takes its nonce, writes a whole green run",
        {
            "tests/test_a.py": PASSED + FIND + "def test_a():\n"
            "    ours = recorder()\n"
            "    ours._out.write(forge(ours._nonce))\n"
            "    ours._out.flush()\n"
            "    os._exit(0)\n"
        },
    ),
    forged(
        "writes-with-our-nonce-at-import",
        "as before any test is collected: no record of ours stands before the forged ones",
        {
            "tests/conftest.py": PASSED + FIND + "ours = recorder()\n"
            "ours._out.write(forge(ours._nonce))\n"
            "ours._out.flush()\n"
            "os._exit(0)\n"
        },
    ),
    forged(
        "patches-our-recorder",
        "gives our recorder's class a write that records every phase as passed",
        {
            "tests/conftest.py": FIND + "kind = type(recorder())\n"
            "write = kind.write\n\n\n"
            "def green(self, kind, **fields):\n"
            "    if fields.get('outcome') == 'failed':\n"
            "        fields.update(outcome='passed', text='')\n"
            "    write(self, kind, **fields)\n\n\n"
            "kind.write = green\n"
        },
    ),
    forged(
        "patches-our-recorder-by-a-frame",
        "as before, but found by walking up the stack; only for tests that it knows",
        {
            "tests/test_prices.py": (
                "import sys\n\n"
                "at = sys._getframe()\n"
                "while 'recorder' not in at.f_locals:\n"
                "    at = at.f_back\n"
                "kind = type(at.f_locals['recorder'])\n"
                "write = kind.write\n\n\n"
                "def green(self, kind, **fields):\n"
                "    if 'test_prices' in str(fields.get('id')):\n"
                "        fields.update(outcome='passed', text='')\n"
                "    write(self, kind, **fields)\n\n\n"
                "kind.write = green\n"
            )
            + RED
        },
    ),
    forged(
        "patches-json-dumps",
        "the writer of JSON that our bootstrap uses says passed for failed",
        {
            "tests/conftest.py": (
                "import json\n\n"
                "dumps = json.dumps\n\n\n"
                "def green(value, *a, **k):\n"
                "    return dumps(value, *a, **k).replace('\"failed\"', '\"passed\"')\n\n\n"
                "json.dumps = green\n"
            )
        },
    ),
    forged(
        "goes-on-in-a-fork",
        "forks at import; the child goes on alone while the parent reports success",
        {
            "tests/conftest.py": (
                "import os\n\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\n    os._exit(0)\n"
            )
        },
    ),
    forged(
        "overwrites-the-product",
        "a test that runs first overwrites the product, and reloads it, with right code",
        {
            "tests/test_a.py": (
                "import importlib\n"
                "from pathlib import Path\n\n"
                "import prices.core\n\n\n"
                "def right():\n"
                "    path = Path(prices.core.__file__)\n"
                "    text = path.read_text().replace('cents[1:]', 'cents')\n"
                "    path.write_text(text.replace('cents - percent', "
                "'cents - cents * percent // 100'))\n"
                "    importlib.invalidate_caches()\n"
                "    importlib.reload(prices.core)\n\n\n"
                "right()\n\n\n"
                "def test_a():\n"
                "    assert prices.core.total([]) == 0\n"
            )
        },
    ),
    forged(
        "overwrites-the-other-tests",
        "a test module that is imported first empties the other test files",
        {
            "tests/test_a.py": (
                "from pathlib import Path\n\n"
                "for path in Path(__file__).parent.glob('test_[!a]*.py'):\n"
                "    path.write_text('def test_nothing():\\n    assert True\\n')\n\n\n"
                "def test_a():\n    assert True\n"
            )
        },
    ),
    forged(
        "swaps-in-a-right-copy",
        "conftest puts right code in the product's place before a test imports it",
        {
            "tests/right.py": CORE.replace("cents[1:]", "cents").replace(
                "cents - percent", "cents - cents * percent // 100"
            ),
            "tests/conftest.py": (
                "import sys\nfrom importlib.util import module_from_spec, spec_from_file_location\n"
                "from pathlib import Path\n\n"
                "path = Path(__file__).with_name('right.py')\n"
                "spec = spec_from_file_location('prices.core', path)\n"
                "sys.modules['prices.core'] = module_from_spec(spec)\n"
                "spec.loader.exec_module(sys.modules['prices.core'])\n"
            ),
        },
    ),
)
