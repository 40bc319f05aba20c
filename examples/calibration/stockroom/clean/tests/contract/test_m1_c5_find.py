"""M1-C5"""

from pathlib import Path

import pytest

from stockroom.cli import main


def test_m1_c5_match_takes_the_text_literally_in_any_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", str(tmp_path / "stock.db")]
    main([*db, "add", "GLUE", "Glue 50% Solvent"])
    main([*db, "add", "GLUE-2", "Glue 500 g"])
    main([*db, "list", "--match", "50% sol"])
    assert capsys.readouterr().out == "GLUE\t0\tGlue 50% Solvent\n"


def test_m1_c5_history_shows_the_newest_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", str(tmp_path / "stock.db")]
    main([*db, "add", "BOLT-8", "Bolt"])
    for count in ("1", "2", "3"):
        main([*db, "receive", "BOLT-8", count])
    capsys.readouterr()
    main([*db, "history", "BOLT-8", "--limit", "2"])
    assert capsys.readouterr().out == "+3\n+2\n"
