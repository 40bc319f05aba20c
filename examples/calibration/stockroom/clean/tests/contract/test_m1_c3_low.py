"""M1-C3"""

from pathlib import Path

import pytest

from stockroom.cli import main


def test_m1_c3_low_lists_what_is_to_be_ordered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", str(tmp_path / "stock.db")]
    for sku, reorder_at, received in (
        ("NUT-1", "5", "2"),
        ("BOLT-8", "9", "3"),
        ("ROD-2", "1", "8"),
    ):
        main([*db, "add", sku, sku.lower(), "--reorder-at", reorder_at])
        main([*db, "receive", sku, received])
    capsys.readouterr()
    assert main([*db, "low"]) == 0
    assert capsys.readouterr().out == "BOLT-8\t3\tbolt-8\nNUT-1\t2\tnut-1\n"
