"""When a message is tried again, when it is given up, and when its endpoint is disabled. Pure."""

from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

# How long a message is tried.
SPAN_MS: Final = 24 * HOUR
# What lies between two attempts: early ones catch a restart, and from then on an endpoint that
# came back waits at most four hours. Each is spread, so that what failed together does not come
# back together.
DELAYS_MS: Final = (
    *(5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(1 * HOUR, 2 * HOUR, 4 * HOUR),
)
SPREAD: Final = 0.2
# What a receiver may ask for by Retry-After. Less than an hour is a throttle; more is a receiver
# that would rather be rid of its messages.
MOST_ASKED_MS: Final = 1 * HOUR

# 410: "no longer interested", so that the endpoint is disabled at once.
GONE: Final = 410
# RFC 6585 section 4 and RFC 9110 section 15.6.4: the two that Retry-After is meant for.
THROTTLES: Final = frozenset({429, 503})


def next_attempt(
    attempts: int, first_at: int, now: int, chance: float, *, asked_ms: int | None = None
) -> int | None:
    """When to try a message again after ``attempts`` (from 1) that failed, in Unix milliseconds.

    ``first_at`` is the time of its first attempt, ``chance`` a random number from 0 to 1,
    ``asked_ms`` what the receiver asked for. The last attempt is 24 hours after the first; None
    when that one failed.
    """
    last = first_at + SPAN_MS
    if now >= last:
        return None
    usual = DELAYS_MS[min(attempts, len(DELAYS_MS)) - 1]
    delay = round(usual * (1 - SPREAD + 2 * SPREAD * chance))
    if asked_ms is not None:
        delay = max(delay, min(asked_ms, MOST_ASKED_MS))
    return min(now + delay, last)


def nothing_came_through(first_at: int, last_delivery_at: int | None) -> bool:
    """Whether nothing at all was delivered to an endpoint since a message's first attempt: then,
    when the message's last one fails, it is the endpoint that is disabled and not the message that
    is given up."""
    return last_delivery_at is None or last_delivery_at < first_at
