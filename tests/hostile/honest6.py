"""Honest projects that must pass: the styles of pytest and of unittest."""

from tests.hostile.project import Project

ROMAN = '''"""Roman numerals."""

VALUES = {
    "M": 1000, "CM": 900, "D": 500, "CD": 400, "C": 100, "XC": 90,
    "L": 50, "XL": 40, "X": 10, "IX": 9, "V": 5, "IV": 4, "I": 1,
}


def to_roman(number: int) -> str:
    """1 to 3999 in Roman numerals. Raises ValueError for any other."""
    if not 1 <= number <= 3999:
        raise ValueError(f"{number} has no Roman numeral")
    text = ""
    for numeral, value in VALUES.items():
        times, number = divmod(number, value)
        text += numeral * times
    return text


def from_roman(text: str) -> int:
    """The number; ValueError for what `to_roman` would not write."""
    number, rest = 0, text
    for numeral, value in VALUES.items():
        while rest.startswith(numeral):
            number, rest = number + value, rest[len(numeral) :]
    if rest or not text or to_roman(number) != text:
        raise ValueError(f"{text!r} is no Roman numeral")
    return number
'''
ROMAN_CONFTEST = '''"""Examples, and an option for more of them."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--every", action="store_true", help="try every number")


def pytest_generate_tests(metafunc):
    if "sample" in metafunc.fixturenames:
        step = 1 if metafunc.config.getoption("--every") else 397
        metafunc.parametrize("sample", range(1, 4000, step))


@pytest.fixture(scope="session")
def examples():
    return {1: "I", 4: "IV", 9: "IX", 14: "XIV", 40: "XL", 90: "XC", 400: "CD", 1994: "MCMXCIV"}


@pytest.fixture(params=["", "IIII", "VX", "iv", "I I", "MMMM"])
def nonsense(request):
    return request.param
'''
ROMAN_TEST = '''"""Roman numerals, from fixtures."""

import pytest
from roman import from_roman, to_roman


def test_examples(examples):
    assert {number: to_roman(number) for number in examples} == examples


def test_there_and_back(sample):
    assert from_roman(to_roman(sample)) == sample


def test_nonsense_is_refused(nonsense):
    with pytest.raises(ValueError, match=r"Roman numeral"):
        from_roman(nonsense)


class TestRange:
    @pytest.mark.parametrize("number", [0, -1, 4000])
    def test_outside(self, number):
        with pytest.raises(ValueError, match=str(number)):
            to_roman(number)

    @pytest.mark.parametrize(("number", "text"), [(1, "I"), (3999, "MMMCMXCIX")])
    def test_ends(self, number, text):
        assert to_roman(number) == text
'''
BANK = '''"""Money between accounts."""


class Bank:
    """Balances by name, in cents."""

    def __init__(self, **balances: int) -> None:
        self.balances = balances

    def transfer(self, giver: str, taker: str, cents: int) -> None:
        """Moves money, or raises ValueError and moves none."""
        if cents <= 0:
            raise ValueError("nothing to move")
        if self.balances[giver] < cents:
            raise ValueError("not enough")
        self.balances[giver] -= cents
        self.balances[taker] = self.balances.get(taker, 0) + cents

    @property
    def total(self) -> int:
        """All the money there is."""
        return sum(self.balances.values())
'''
BANK_TEST = '''"""The bank, as unittest has it."""

import unittest

from bank import Bank


class Case(unittest.TestCase):
    def setUp(self):
        self.bank = Bank(ada=100, bob=0)


class Transfers(Case):
    def test_money_moves(self):
        self.bank.transfer("ada", "bob", 30)
        self.assertEqual(self.bank.balances, {"ada": 70, "bob": 30})

    def test_everything_may_move(self):
        self.bank.transfer("ada", "eve", 100)
        self.assertEqual(self.bank.balances["eve"], 100)
        self.assertEqual(self.bank.balances["ada"], 0)

    def test_none_is_made_or_lost(self):
        for cents in (1, 50, 49):
            with self.subTest(cents=cents):
                self.bank.transfer("ada", "bob", cents)
                self.assertEqual(self.bank.total, 100)


class Refusals(Case):
    def tearDown(self):
        self.assertEqual(self.bank.balances, {"ada": 100, "bob": 0})

    def test_more_than_there_is(self):
        with self.assertRaisesRegex(ValueError, "not enough"):
            self.bank.transfer("ada", "bob", 101)

    def test_nothing(self):
        for cents in (0, -5):
            with self.assertRaises(ValueError):
                self.bank.transfer("ada", "bob", cents)

    @unittest.skip("loans come with the next release")
    def test_loans(self):
        self.bank.transfer("bob", "ada", 10)
'''

PROJECTS = (
    Project(
        "fixtures-and-parameters",
        "honest",
        "a conftest with harmless hooks, session fixtures and parameters in every style",
        {
            "roman.py": ROMAN,
            "tests/conftest.py": ROMAN_CONFTEST,
            "tests/unit/test_roman.py": ROMAN_TEST,
        },
        expect=("pass",),
    ),
    Project(
        "unittest-classes",
        "honest",
        "TestCase classes with a base class, subtests, tearDown and one skipped test",
        {"bank.py": BANK, "tests/test_bank.py": BANK_TEST},
        expect=("pass",),
    ),
)
