"""Money and time: what is set aside, what is refused, how a run goes on."""

import asyncio
import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import quote, settings
from orchestrator.artifacts.caps import Caps
from orchestrator.artifacts.exchange import Answer, Request, Usage
from orchestrator.artifacts.plan import Plan
from orchestrator.budget import OVERHEAD, RUN, Budget
from orchestrator.errors import MilestoneSpent, Misuse, Spent
from orchestrator.models.prices import dearest
from orchestrator.settings import Settings
from tests.command import IDEA, Provider, Running, answered, events_of, folder_of, report_of, run
from tests.test_cli import refused
from tests.world import ONE, PLAN, answer, begin, planned

FIRST, SECOND = "milestone-1-mvp", "milestone-2-shout"
MODEL = "claude-opus-5-5"  # $4 in, $5 into the cache, $20 out, for a million tokens


def asked(scope: str = FIRST, *, most: int = 40_000, size: int = 1000) -> Request:
    """A request whose input is bounded by `size` bytes and the overhead."""
    return Request(
        scope=scope,
        agent="impl",
        attempt=1,
        turn=1,
        system="",
        blocks=("x" * size,),
        output_schema="",
        model=MODEL,
        effort="high",
        max_tokens=most,
    )


def cost(read: int, written: int) -> Decimal:
    found = dearest(MODEL, read, written)
    assert found is not None
    return found


def used(written: int, price: str = "") -> Answer:
    usage = Usage(input=500, output=written, cache_read=0, cache_write_5m=0, cache_write_1h=0)
    return answer("", usage=usage, price=price, duration_ms=2000)


def made(run: Caps | None = None, milestone: Caps | None = None) -> Budget:
    return Budget(run or Caps(), milestone or Caps(), priced=dearest)


async def spend(budget: Budget, request: Request, given: Answer) -> int:
    """Makes the call; the `max_tokens` that it got."""
    async with budget.reserved(request, None) as fitted:
        await asyncio.sleep(0)
        budget.spent(request.scope, given, model=request.model)
    return fitted.max_tokens


def test_without_limits_a_call_is_what_it_was() -> None:
    assert asyncio.run(spend(made(), asked(), used(10))) == 40_000


def test_an_answer_is_made_shorter_down_to_a_quarter_and_then_refused() -> None:
    bound = 1000 + OVERHEAD

    async def fitted(dollars: Decimal) -> int:
        return await spend(made(Caps(cost=dollars)), asked(), used(10, "0.1"))

    assert asyncio.run(fitted(cost(bound, 40_000))) == 40_000
    assert asyncio.run(fitted(cost(bound, 20_000))) == 20_000
    assert asyncio.run(fitted(cost(bound, 10_000))) == 10_000
    with pytest.raises(Spent) as spent:
        asyncio.run(fitted(cost(bound, 9_999)))
    assert spent.value.message == (
        "the budget is used up: $0.00 of $0.21 are spent, and milestone-1-mvp/impl/1/1 may cost "
        "$0.22"
    )
    assert spent.value.remedy == "orchestrate resume --max-cost 0.43"
    assert not spent.value.waits


@pytest.mark.parametrize(
    ("caps", "said", "remedy"),
    [
        (Caps(calls=1), "1 calls are made", "--max-calls 2"),
        (Caps(tokens=20_000), "10500 of 20000 tokens are used", "--max-tokens 40000"),
        (Caps(seconds=2), "time of 2 s is used up: 2 s were worked", "--max-time 4"),
    ],
)
def test_each_limit_says_what_is_used_and_how_to_go_on(caps: Caps, said: str, remedy: str) -> None:
    async def twice(budget: Budget) -> None:
        await spend(budget, asked(), used(10_000))
        await spend(budget, asked(), used(10_000))

    with pytest.raises(Spent, match=said) as spent:
        asyncio.run(twice(made(caps)))
    assert spent.value.remedy == f"orchestrate resume {remedy}"
    milestone = remedy.replace("--max", "--max-milestone")
    with pytest.raises(MilestoneSpent, match=f"budget of {FIRST} is used up") as alone:
        asyncio.run(twice(made(milestone=caps)))
    assert alone.value.remedy == f"orchestrate resume {milestone}"
    assert alone.value.waits


def test_a_milestones_limit_leaves_the_others_alone() -> None:
    async def all_of_it() -> None:
        budget = made(milestone=Caps(calls=1))
        await spend(budget, asked(FIRST), used(1))
        await spend(budget, asked(SECOND), used(1))
        await spend(budget, asked("run"), used(1))
        await spend(budget, asked("run"), used(1))

    asyncio.run(all_of_it())


def test_verification_counts_as_time_worked() -> None:
    budget = made(Caps(seconds=100), Caps(seconds=10))
    budget.worked(FIRST, 9.0)
    budget.check(FIRST)
    budget.worked(FIRST, 1.0)
    with pytest.raises(MilestoneSpent):
        budget.check(FIRST)
    budget.worked(RUN, 100.0)
    with pytest.raises(Spent, match="time of 100 s"):
        budget.check(SECOND)


def test_the_last_dollar_is_spent_once_and_who_comes_second_waits_for_what_is_left() -> None:
    """Room for one whole call and a short one: the second waits, then gets what the first left."""
    bound = 1000 + OVERHEAD
    cap = cost(bound, 40_000) + cost(bound, 10_000)
    order: list[str] = []

    async def both() -> tuple[int, int]:
        budget, answered = made(Caps(cost=cap)), asyncio.Event()

        async def first() -> int:
            async with budget.reserved(asked(FIRST), None) as fitted:
                order.append("first")
                await answered.wait()
                order.append("answered")
                budget.spent(FIRST, used(30_000, f"{cost(bound, 30_000)}"), model=MODEL)
            return fitted.max_tokens

        async def second() -> int:
            async with budget.reserved(asked(SECOND), None) as fitted:
                order.append("second")
            return fitted.max_tokens

        tasks = [asyncio.create_task(first()), asyncio.create_task(second())]
        for _ in range(5):
            await asyncio.sleep(0)
        answered.set()
        one, two = await asyncio.gather(*tasks)
        return one, two

    assert asyncio.run(both()) == (40_000, 20_000)
    assert order == ["first", "answered", "second"]


def test_what_the_provider_counts_makes_room_where_bytes_do_not_fit() -> None:
    counted: list[str] = []
    cap = cost(OVERHEAD + 1050, 40_000)

    async def count() -> int:
        counted.append("once")
        return 1000

    async def fitted(size: int) -> int:
        async with made(Caps(cost=cap)).reserved(asked(size=size), count) as one:
            return one.max_tokens

    assert asyncio.run(fitted(1000)) == 40_000
    assert counted == []
    assert asyncio.run(fitted(60_000)) == 40_000
    assert counted == ["once"]


CALLS = st.lists(
    st.tuples(
        st.sampled_from([FIRST, SECOND]),
        st.integers(1, 60_000),
        st.integers(0, 200_000),
        st.floats(0, 1),
    ),
    max_size=12,
)


@given(calls=CALLS, cents=st.integers(1, 400), milestone=st.integers(1, 400))
def test_no_order_of_calls_spends_more_than_a_limit(
    calls: list[tuple[str, int, int, float]], cents: int, milestone: int
) -> None:
    """Each answer takes some part of what it was allowed; all calls are made at once."""
    spent = {RUN: Decimal(0), FIRST: Decimal(0), SECOND: Decimal(0)}
    caps = Decimal(cents) / 100, Decimal(milestone) / 100

    async def call(budget: Budget, scope: str, most: int, size: int, share: float) -> None:
        try:
            async with budget.reserved(asked(scope, most=most, size=size), None) as fitted:
                await asyncio.sleep(0)
                price = cost(size, int(fitted.max_tokens * share)) if size else Decimal(0)
                for one in (RUN, scope):
                    spent[one] += price
                budget.spent(scope, used(0, f"{price:f}"), model=MODEL)
        except Spent:
            pass

    async def every() -> None:
        budget = made(Caps(cost=caps[0]), Caps(cost=caps[1]))
        await asyncio.gather(*(call(budget, *one) for one in calls))

    asyncio.run(every())
    assert spent[RUN] <= caps[0]
    assert max(spent[FIRST], spent[SECOND]) <= caps[1]


def test_a_run_stops_at_its_limit_says_what_is_done_and_goes_on_with_a_higher_one(
    home: Path, env: dict[str, str]
) -> None:
    with Provider() as provider:
        first = Running(home, IDEA, "--max-calls", "3", env=provider.env(env))
        assert first.wait() == 4
        assert len(provider.asked) == 3
        said = refused("".join(first.lines[-2:]))
        assert "the budget is used up: 3 calls are made" in said
        assert "-> orchestrate resume --max-calls 6" in said
        assert f"{FIRST}                  impl, attempt 1" in first.said
        again = Running(home, "resume", env=provider.env(env))
        assert again.wait() == 4
        assert len(provider.asked) == 3, "the limit is the run's, whoever goes on"
        done = Running(home, "resume", "--max-calls", "100", env=provider.env(env))
        assert done.wait() == 0, done.said
        assert provider.twice == 0
    assert report_of(home).passed


def test_dollars_are_never_exceeded_over_a_real_wire(home: Path, env: dict[str, str]) -> None:
    with Provider() as provider:
        code, dollars, runs = 4, Decimal("0.25"), 0
        words = [IDEA]
        while code == 4 and runs < 20:
            running = Running(home, *words, "--max-cost", f"{dollars}", env=provider.env(env))
            code, runs = running.wait(), runs + 1
            stands = [one.answer.price for one in _ledger(home)]
            assert sum(map(Decimal, stands)) <= dollars, running.said
            words, dollars = ["resume"], dollars + Decimal("0.10")
        assert code == 0
        assert runs > 1
        assert provider.twice == 0
    cut = [one for one in provider.server.requests if one.body["max_tokens"] not in (32000, 64000)]
    assert cut, "the last calls before a stop were made shorter"
    assert report_of(home).passed


def _ledger(home: Path):
    from orchestrator.ledger import FileLedger

    return FileLedger(folder_of(home).ledger).answers()


def test_a_milestones_limit_parks_it_alone_and_the_others_land(
    home: Path, env: dict[str, str]
) -> None:
    """The second milestone is asked for twice what the first needs."""
    played = begin(
        home,
        env,
        {
            "planner": planned({FIRST: [], "milestone-3-whisper": [FIRST]}),
            **{f"milestone-3-whisper/spec/1/{turn}": "not yet" for turn in (1, 2)},
        },
        max_milestone_calls=5,
    )
    with pytest.raises(MilestoneSpent, match="budget of milestone-3-whisper is used up"):
        played.run()
    assert played.git("log", "--format=%s", "-1", "main").startswith(FIRST)
    assert "milestone-3-whisper/test/1/1" not in played.ids


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"backend": "host", "max_cost": "1"}, "--max-cost: a host agent does not say"),
        ({"backend": "host", "max_milestone_tokens": "9"}, "--max-milestone-tokens: a host agent"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused_before_anything_is_paid(
    home: Path, env: dict[str, str], flags: dict[str, object], said: str
) -> None:
    played = begin(home, env, **flags)
    with pytest.raises(Misuse, match=said) as refusal:
        played.run()
    assert "--max-calls and --max-time work" in str(refusal.value)
    assert played.ids == []


def test_a_model_without_a_price_refuses_a_cost_limit_with_exit_2(
    home: Path, env: dict[str, str]
) -> None:
    done = run(home, IDEA, "--max-cost", "3", "--model", "llama", env=env)
    assert done.returncode == 2
    assert "the price of 'llama' is unknown" in refused(done.stderr)
    assert "--max-tokens, --max-calls and --max-time work" in done.stderr
    assert not (home / ".orchestrate").exists()


def test_start_refuses_a_cost_limit_with_exit_2(home: Path, env: dict[str, str]) -> None:
    done = run(home, "start", IDEA, "--max-cost", "3", env=env)
    assert done.returncode == 2
    assert "--max-cost: a host agent" in done.stdout
    assert not (home / ".orchestrate").exists()


def test_limits_are_read_as_people_write_them() -> None:
    flags = {"max_cost": "5.50", "max_time": "1h30m", "max_calls": "7"}
    chosen = settings.over(Settings(), flags)
    assert chosen.caps() == Caps(cost=Decimal("5.50"), seconds=5400, calls=7)
    assert settings.parse(settings.dump(chosen), "x") == chosen
    assert settings.over(chosen, dict.fromkeys(flags, "none")) == Settings()
    for name, bad in (("max_cost", "nan"), ("max_calls", "0"), ("max_time", "soon")):
        with pytest.raises(Misuse, match=f"setting '{name}' from flag: .*{bad}"):
            settings.over(chosen, {name: bad})


def test_a_quote_is_a_range_with_its_basis_and_says_what_it_does_not_know() -> None:
    plan = Plan.model_validate(PLAN)
    told = quote.told(quote.quote(plan, Settings()))
    assert told.startswith("$")
    assert "16 to 64 calls" in told
    assert "3 milestones; at the least one attempt each, at the most 3 with 2 repairs" in told
    one = quote.quote(Plan.model_validate_json(ONE), Settings())
    assert Decimal(one.least_cost) < Decimal(one.most_cost)
    unknown = quote.quote(plan, Settings(model="llama"))
    assert (unknown.least_cost, unknown.most_cost) == ("", "")
    assert quote.told(unknown).startswith("price unknown, ")


def test_the_quote_is_shown_before_anything_is_built(home: Path, env: dict[str, str]) -> None:
    with Provider() as provider:
        running = Running(home, IDEA, "--max-calls", "1", env=provider.env(env))
        assert running.wait() == 4
    assert "quote  $" in running.said
    kinds = [one["event"] for one in events_of(home)]
    assert kinds[:4] == ["run_started", "agent_call", "quoted", "planned"]
    assert answered(home)["run/planner"] == 1
    assert os.environ.get("ANTHROPIC_API_KEY") is None
