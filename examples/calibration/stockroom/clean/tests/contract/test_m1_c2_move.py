"""M1-C2"""

from pathlib import Path

import pytest

from stockroom.cli import main


def test_m1_c2_levels_change_and_never_go_below_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", str(tmp_path / "stock.db")]
    main([*db, "add", "BOLT-8", "Bolt"])
    assert main([*db, "receive", "BOLT-8", "10"]) == 0
    assert main([*db, "ship", "BOLT-8", "4"]) == 0
    assert main([*db, "ship", "BOLT-8", "7"]) == 2
    assert main([*db, "ship", "BOLT-8", "6"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "BOLT-8 10\nBOLT-8 6\nBOLT-8 0\n"
    assert shown.err == "stockroom: BOLT-8 has 6, 7 cannot be taken\n"
