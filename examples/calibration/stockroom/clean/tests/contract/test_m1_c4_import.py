"""M1-C4"""

from pathlib import Path

import pytest

from stockroom.cli import main


def _imported(folder: Path, text: str) -> int:
    db = ["--db", str(folder / "stock.db")]
    main([*db, "add", "BOLT-8", "Bolt"])
    (folder / "moves.csv").write_text(text, "utf-8")
    status = main([*db, "import", str(folder / "moves.csv")])
    main([*db, "list"])
    return status


def test_m1_c4_every_line_is_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _imported(tmp_path, "BOLT-8,5\nbolt-8,-2\n") == 0
    assert capsys.readouterr().out == "BOLT-8\t3\tBolt\n"


@pytest.mark.parametrize("bad", ["BOLT-8,-9", "NUT-1,1", "BOLT-8", "BOLT-8,x"])
def test_m1_c4_or_none(bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _imported(tmp_path, f"BOLT-8,5\n{bad}\n") == 2
    assert capsys.readouterr().out == "BOLT-8\t0\tBolt\n"


def test_m1_c4_a_bad_line_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _imported(tmp_path, "BOLT-8,5\nBOLT-8,x\n")
    assert capsys.readouterr().err == "stockroom: line 2: 'x' is not a whole number\n"


def test_m1_c4_a_missing_file_is_an_error_of_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["--db", str(tmp_path / "stock.db"), "import", str(tmp_path / "none.csv")])
    assert status == 2
    assert "cannot read" in capsys.readouterr().err
