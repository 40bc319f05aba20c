"""M1-C4"""

import gzip
import json
from pathlib import Path

import pytest

from logdigest.cli import main
from tests.logs import line


def test_m1_c4_plain_and_gzip_are_read_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, packed = tmp_path / "a.log", tmp_path / "b.log.gz"
    plain.write_text(line("/a") + line("/b"), "utf-8")
    packed.write_bytes(gzip.compress(line("/b").encode()))
    assert main(["--json", str(plain), str(packed)]) == 0
    assert json.loads(capsys.readouterr().out)["top"][0] == {"path": "/b", "requests": 2}


@pytest.mark.parametrize("name", ["none.log", "cut.log.gz"])
def test_m1_c4_what_cannot_be_read_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.log.gz").write_bytes(gzip.compress(line().encode())[:-6])
    assert main([str(tmp_path / name)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("logdigest: ")
    assert shown.err.count("\n") == 1
