"""What an answer costs, by the price list of genai-prices."""

from decimal import Decimal

from orchestrator.artifacts.exchange import Usage


def price(model: str, usage: Usage) -> str:
    """US dollars as plain decimal text, "" when the model, its price or the usage is unknown.

    Anthropic's list prices, whoever serves the model; never "0" for something nobody measured.
    """
    kinds = (usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h)
    if min(*kinds, usage.output) < 0 or sum(kinds) + usage.output == 0:
        return ""
    import genai_prices  # a tenth of a second and more, for few commands

    # There, `input_tokens` is the total and the cache's kinds are parts of it.
    counted = genai_prices.Usage(
        input_tokens=sum(kinds),
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write_5m + usage.cache_write_1h,
        cache_write_5m_tokens=usage.cache_write_5m,
        cache_write_1h_tokens=usage.cache_write_1h,
    )
    try:
        found = genai_prices.calc_price(counted, model, provider_id="anthropic")
    except (LookupError, ValueError):
        return ""
    return f"{found.total_price:f}" if found.total_price > 0 else ""


def dearest(model: str, read: int, written: int) -> Decimal | None:
    """The most that so many tokens in and out can cost, with every one of them put into the
    cache; None when the price is unknown.
    """
    return _known(model, Usage(**_NONE | {"cache_write_5m": read, "output": written}))


def listed(model: str, read: int, written: int) -> Decimal | None:
    """The same without a cache."""
    return _known(model, Usage(**_NONE | {"input": read, "output": written}))


_NONE = dict.fromkeys(Usage.model_fields, 0)


def _known(model: str, usage: Usage) -> Decimal | None:
    found = price(model, usage)
    return Decimal(found) if found else None
