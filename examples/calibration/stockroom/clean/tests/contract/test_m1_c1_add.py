"""M1-C1"""

from pathlib import Path

import pytest

from stockroom.cli import main


def test_m1_c1_an_added_item_has_level_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", str(tmp_path / "stock.db")]
    assert main([*db, "add", "bolt-8", "Bolt, 8 mm"]) == 0
    assert main([*db, "list"]) == 0
    assert capsys.readouterr().out == "BOLT-8\t0\tBolt, 8 mm\n"


@pytest.mark.parametrize("sku", ["BOLT-8", "8"])
def test_m1_c1_a_bad_or_taken_sku_is_refused(
    sku: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", str(tmp_path / "stock.db")]
    main([*db, "add", "BOLT-8", "Bolt"])
    assert main([*db, "add", sku, "Bolt"]) == 2
    assert capsys.readouterr().err.startswith("stockroom: ")
