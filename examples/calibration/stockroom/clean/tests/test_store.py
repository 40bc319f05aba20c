from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom.imports import import_lines
from stockroom.model import MAX_COUNT, Movement, StockError, parse_count, parse_name, parse_sku
from stockroom.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "stock.db") as opened:
        yield opened


@pytest.mark.parametrize("text", ["", "A", "8BOLT", "BOLT 8", "B" * 21, "BOLT_8"])
def test_bad_skus_are_refused(text: str) -> None:
    with pytest.raises(StockError, match="is no SKU"):
        parse_sku(text)


def test_a_sku_is_taken_in_upper_case() -> None:
    assert parse_sku(" bolt-8 ") == "BOLT-8"


@pytest.mark.parametrize("text", ["", "1.5", "many"])
def test_bad_counts_are_refused(text: str) -> None:
    with pytest.raises(StockError):
        parse_count(text)


@pytest.mark.parametrize("count", [0, MAX_COUNT + 1, -MAX_COUNT - 1])
def test_a_movement_has_a_count_within_bounds(count: int) -> None:
    with pytest.raises(StockError, match="is not between"):
        Movement("NUT-1", count)


@pytest.mark.parametrize("text", ["", "  ", "a\tb", "a\nb"])
def test_bad_names_are_refused(text: str) -> None:
    with pytest.raises(StockError, match="is no name"):
        parse_name(text)


def test_an_unknown_item_has_no_level(store: Store) -> None:
    with pytest.raises(StockError, match="no item NUT-1"):
        store.level("NUT-1")


def test_all_can_be_taken(store: Store) -> None:
    store.add("NUT-1", "Nut", 0)
    with store.transaction():
        store.move(Movement("NUT-1", 4))
        store.move(Movement("NUT-1", -4))
    assert store.level("NUT-1") == 0


def test_nothing_is_applied_when_one_movement_is_refused(store: Store) -> None:
    store.add("NUT-1", "Nut", 0)
    with pytest.raises(StockError, match="line 2: NUT-1 has 4, 5 cannot be taken"):
        import_lines(store, ["NUT-1,4\n", "NUT-1,-5\n"])
    assert store.level("NUT-1") == 0
    assert store.history("NUT-1", 9) == []


def test_what_was_stored_is_there_when_opened_again(tmp_path: Path) -> None:
    with Store(tmp_path / "stock.db") as first:
        first.add("NUT-1", "Nut", 3)
    with Store(tmp_path / "stock.db") as second:
        assert [item.name for item in second.items()] == ["Nut"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stock.db"
    path.write_text("certainly no database, but long enough to be looked at " * 20)
    with pytest.raises(StockError, match="cannot use"):
        Store(path)


def test_blank_lines_of_a_csv_are_passed_over(store: Store) -> None:
    store.add("NUT-1", "Nut", 0)
    import_lines(store, ["nut-1,5\n", "\n", "NUT-1,-2\n"])
    assert store.history("NUT-1", 9) == [Movement("NUT-1", -2), Movement("NUT-1", 5)]


def test_case_is_folded_beyond_ascii(store: Store) -> None:
    store.add("OIL-1", "Öl", 0)
    assert [item.sku for item in store.matching("öL")] == ["OIL-1"]
