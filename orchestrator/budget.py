"""What a run has spent, and what it may still spend: by the run and by each milestone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal

from orchestrator.artifacts.caps import Caps
from orchestrator.artifacts.exchange import Answer, Request, Spend
from orchestrator.errors import MilestoneSpent, Spent

LEAST = 4
"""A call gets no less than this part of its role's `max_tokens`: shorter answers are cut off."""
PRESSED = 4
OVERHEAD = 2_000
"""Tokens that a provider may add to a request: for tools, for a schema."""
RUN = ""
"""The scope that holds everything."""

Priced = Callable[[str, int, int], Decimal | None]
"""The most that so many tokens in and out cost with a model; None when nobody knows."""
Counted = Callable[[], Awaitable[int]]
"""The input tokens of a request by its provider, -1 when it does not say."""


@dataclass(frozen=True)
class _Amount:
    cost: Decimal
    tokens: int


@dataclass
class _Account:
    """What is spent, and what is set aside for calls in flight, by their numbers."""

    caps: Caps
    cost: Decimal = Decimal(0)
    tokens: int = 0
    calls: int = 0
    milliseconds: int = 0
    held: dict[int, _Amount] = field(default_factory=dict[int, _Amount])

    def calls_left(self) -> int | None:
        """None is without end, here and below."""
        return None if self.caps.calls is None else self.caps.calls - self.calls - len(self.held)

    def tokens_left(self) -> int | None:
        if self.caps.tokens is None:
            return None
        return self.caps.tokens - self.tokens - sum(one.tokens for one in self.held.values())

    def cost_left(self) -> Decimal | None:
        if self.caps.cost is None:
            return None
        held = sum((one.cost for one in self.held.values()), Decimal(0))
        return self.caps.cost - self.cost - held


@dataclass(frozen=True)
class _Call:
    """A request with the most tokens that it may put in."""

    request: Request
    input: int

    @property
    def most(self) -> int:
        return self.request.max_tokens

    @property
    def least(self) -> int:
        return max(1, self.most // LEAST)

    def counted(self, tokens: int) -> "_Call":
        """With its provider's count, which is an estimate; as it was where there is none."""
        bound = tokens + tokens // 20 + OVERHEAD
        return _Call(self.request, min(self.input, bound)) if tokens >= 0 else self


class Budget:
    """Money is an invariant: before each call the most that it may cost is set aside, and where
    that does not fit, the call is made shorter or not at all.

    `run` bounds everything, `milestone` each milestone. Lives on one event loop.
    """

    def __init__(self, run: Caps, milestone: Caps, *, priced: Priced) -> None:
        self._milestone = milestone
        self._priced = priced
        self._accounts = {RUN: _Account(run)}
        self._settled = asyncio.Event()
        self._calls = 0

    def spent(self, scope: str, answer: Answer, *, model: str) -> None:
        """Counts an answer. One without a price counts as what its tokens would cost with
        `model` at the most.
        """
        usage = answer.usage
        read = max(0, usage.input) + max(0, usage.cache_read)
        written = max(0, usage.cache_write_5m) + max(0, usage.cache_write_1h)
        output = max(0, usage.output)
        cost = Decimal(answer.price or self._priced(model, read + written, output) or 0)
        for account in self._of(scope):
            account.cost += cost
            account.tokens += read + written + output
            account.calls += 1
            account.milliseconds += answer.duration_ms

    def worked(self, scope: str, seconds: float) -> None:
        """Counts the time of a verification; RUN counts it for no milestone."""
        self._accounts_of(scope).milliseconds += round(seconds * 1000)

    def pressed(self, scope: str) -> bool:
        """Whether less than a quarter of a limit on money or tokens is left."""
        return any(
            (one.caps.cost is not None and (one.cost_left() or 0) < one.caps.cost / PRESSED)
            or (
                one.caps.tokens is not None and (one.tokens_left() or 0) < one.caps.tokens / PRESSED
            )
            for one in self._of(scope)
        )

    def check(self, scope: str) -> None:
        """Returns when there is time left. Raises Spent, or MilestoneSpent."""
        for account in self._of(scope):
            cap = account.caps.seconds
            if cap is not None and account.milliseconds >= 1000 * cap:
                raise self._out(
                    scope,
                    account,
                    f"time of {cap} s is used up: {account.milliseconds // 1000} s were worked",
                    f"max-time {2 * cap}",
                )

    @asynccontextmanager
    async def reserved(self, request: Request, count: Counted | None) -> AsyncGenerator[Request]:
        """`request` with as many `max_tokens` as there is room for, set aside until the end.

        Waits while calls in flight hold what it needs. Raises Spent, or MilestoneSpent, when even
        a short answer does not fit.
        """
        self._calls += 1
        number, call = self._calls, _Call(request, _bound(request))
        while True:
            self.check(request.scope)
            tightest = min(self._of(request.scope), key=lambda one: self._room(call, one))
            room = self._room(call, tightest)
            if room < call.most and count is not None:
                counted, count = await count(), None
                call = call.counted(counted)
            elif room >= (call.most if tightest.held else call.least):
                break
            elif tightest.held:
                self._settled.clear()
                await self._settled.wait()
            else:
                raise self._refused(call, tightest)
        self._hold(call, room, number)
        try:
            yield request.model_copy(update={"max_tokens": room})
        finally:
            for account in self._of(request.scope):
                account.held.pop(number, None)
            self._settled.set()

    def _hold(self, call: _Call, output: int, number: int) -> None:
        accounts, model = self._of(call.request.scope), call.request.model
        limited = any(one.caps.cost is not None for one in accounts)
        cost = (self._priced(model, call.input, output) if limited else None) or Decimal(0)
        for account in accounts:
            account.held[number] = _Amount(cost, call.input + output)

    def _room(self, call: _Call, account: _Account) -> int:
        """The output tokens for which `account` has room, up to the most."""
        room, tokens, dollars = call.most, account.tokens_left(), account.cost_left()
        if account.calls_left() == 0:
            return 0
        if tokens is not None:
            room = min(room, tokens - call.input)
        if dollars is not None:
            room = min(room, self._affordable(call, dollars))
        return max(0, room)

    def _affordable(self, call: _Call, dollars: Decimal) -> int:
        model = call.request.model
        whole, bare = (self._priced(model, call.input, n) for n in (call.most, 0))
        if whole is None or bare is None or whole <= dollars:
            return call.most
        return max(0, int((dollars - bare) / ((whole - bare) / call.most)))

    def _refused(self, call: _Call, account: _Account) -> Spent:
        """Says which limit leaves no room for even a short answer."""
        request, caps, tokens = call.request, account.caps, account.tokens_left()
        need = call.input + call.least
        if account.calls_left() == 0:
            said, flag = f"{account.calls} calls are made", f"max-calls {2 * account.calls}"
        elif tokens is not None and tokens < need:
            used = f"{account.tokens} of {caps.tokens} tokens are used"
            said = f"{used}, and {request.id} may need {need} more"
            flag = f"max-tokens {2 * max(caps.tokens or 0, need)}"
        else:
            cap = caps.cost or Decimal(0)
            more = self._priced(request.model, call.input, call.least) or Decimal(0)
            used = f"${account.cost:.2f} of ${cap:.2f} are spent"
            said = f"{used}, and {request.id} may cost ${more:.2f}"
            flag = f"max-cost {max(2 * cap, cap + more).quantize(Decimal('0.01'), ROUND_UP):f}"
        return self._out(request.scope, account, said, flag)

    def _out(self, scope: str, account: _Account, said: str, flag: str) -> Spent:
        if account is self._accounts[RUN]:
            return Spent(f"the budget is used up: {said}", f"orchestrate resume --{flag}")
        flag = flag.replace("max-", "max-milestone-")
        return MilestoneSpent(
            f"the budget of {scope} is used up: {said}", f"orchestrate resume --{flag}"
        )

    def _of(self, scope: str) -> tuple[_Account, ...]:
        """The accounts that a call of `scope` is counted on."""
        whole = self._accounts[RUN]
        return (whole,) if scope in (RUN, "run") else (whole, self._accounts_of(scope))

    def _accounts_of(self, scope: str) -> _Account:
        if scope not in self._accounts:
            self._accounts[scope] = _Account(self._milestone)
        return self._accounts[scope]


def _bound(request: Request) -> int:
    """No tokenizer makes more tokens than there are bytes; a schema may be sent twice."""
    texts = (request.system, *request.blocks, request.output_schema, request.output_schema)
    return sum(len(one.encode("utf-8", "replace")) for one in texts) + OVERHEAD


def spend(answers: Iterable[Answer]) -> Spend:
    every = tuple(answers)
    return Spend(
        calls=len(every),
        input_tokens=_sum(
            -1
            if one.usage.input < 0
            else one.usage.input + one.usage.cache_write_5m + one.usage.cache_write_1h
            for one in every
        ),
        output_tokens=_sum(one.usage.output for one in every),
        cache_read_tokens=_sum(one.usage.cache_read for one in every),
        price=_price(every),
        duration_ms=sum(one.duration_ms for one in every),
    )


def _sum(values: Iterable[int]) -> int:
    listed = list(values)
    return -1 if any(value < 0 for value in listed) else sum(listed)


def _price(answers: tuple[Answer, ...]) -> str:
    if any(not one.price for one in answers):
        return ""
    return str(sum((Decimal(one.price) for one in answers), Decimal(0)))
