"""The commands."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from stockroom.imports import import_file
from stockroom.model import MAX_COUNT, Item, Movement, StockError, parse_name, parse_sku
from stockroom.store import Store

_HISTORY = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        with Store(options.db) as store:
            options.run(store, options)
    except StockError as error:
        print(f"stockroom: {error}", file=sys.stderr)
        return 2
    return 0


def _add(store: Store, options: argparse.Namespace) -> None:
    store.add(parse_sku(options.sku), parse_name(options.name), options.reorder_at)


def _move(store: Store, options: argparse.Namespace) -> None:
    sku = parse_sku(options.sku)
    with store.transaction():
        store.move(Movement(sku, options.sign * options.count))
    print(sku, store.level(sku))


def _list(store: Store, options: argparse.Namespace) -> None:
    _show(store.items() if options.match is None else store.matching(options.match))


def _low(store: Store, _: argparse.Namespace) -> None:
    _show(store.low())


def _history(store: Store, options: argparse.Namespace) -> None:
    for movement in store.history(parse_sku(options.sku), options.limit):
        print(f"{movement.count:+d}")


def _import(store: Store, options: argparse.Namespace) -> None:
    import_file(store, options.file)


def _show(items: Iterable[Item]) -> None:
    for item in items:
        print(item.sku, item.level, item.name, sep="\t")


def _whole(text: str, least: int) -> int:
    number = int(text)
    if not least <= number <= MAX_COUNT:
        raise argparse.ArgumentTypeError(f"{number} is not between {least} and {MAX_COUNT}")
    return number


def _positive(text: str) -> int:
    return _whole(text, 1)


def _natural(text: str) -> int:
    return _whole(text, 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stockroom", description=__doc__)
    parser.add_argument("--db", type=Path, required=True, help="the inventory's file")
    commands = parser.add_subparsers(required=True)

    add = commands.add_parser("add", help="register an item")
    add.add_argument("sku")
    add.add_argument("name")
    add.add_argument("--reorder-at", type=_natural, default=0)
    add.set_defaults(run=_add)

    for name, sign in (("receive", 1), ("ship", -1)):
        move = commands.add_parser(name, help=f"{name} goods")
        move.add_argument("sku")
        move.add_argument("count", type=_positive)
        move.set_defaults(run=_move, sign=sign)

    listing = commands.add_parser("list", help="all items")
    listing.add_argument("--match", help="only names holding this text")
    listing.set_defaults(run=_list)

    commands.add_parser("low", help="what to order again").set_defaults(run=_low)

    history = commands.add_parser("history", help="an item's movements, newest first")
    history.add_argument("sku")
    history.add_argument("--limit", type=_positive, default=_HISTORY)
    history.set_defaults(run=_history)

    imports = commands.add_parser("import", help="apply a CSV of movements")
    imports.add_argument("file", type=Path)
    imports.set_defaults(run=_import)
    return parser
