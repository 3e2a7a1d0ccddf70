"""What the routes of one HTTP process share."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from uuid_utils import uuid7

from enrol.access import Access
from enrol.api.gatherer import Gatherer
from enrol.api.http import BodyReader
from enrol.api.turns import Turns
from enrol.customers.model import Limits
from enrol.customers.plan import Uuid
from enrol.settings import Settings
from enrol.store.protocol import Store
from enrol.webhooks.deliverer import Deliverer

# Line Islands: where a date begins first.
EARLIEST_ZONE = timedelta(hours=14)


class Server(NamedTuple):
    """Settings, store and access; the clock gives Unix seconds, ``mint`` rising UUIDv7s."""

    settings: Settings
    store: Store
    access: Access
    bodies: BodyReader
    limits: Limits
    planner: ThreadPoolExecutor
    gatherer: Gatherer
    turns: Turns
    webhooks: Deliverer
    clock: Callable[[], float] = time.time
    mint: Callable[[], Uuid] = uuid7

    def latest_date(self) -> date:
        """See the function of this name."""
        return latest_date(self.clock())

    def keyed_hash(self, *parts: bytes) -> bytes:
        """32 bytes that stand for the parts and, without the store's secret, tell nothing."""
        digest = blake2b(key=self.store.secret, digest_size=32)
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()


def latest_date(now: float) -> date:
    """The date where it is latest on earth: a birthdate after it lies in the future."""
    return (datetime.fromtimestamp(now, UTC) + EARLIEST_ZONE).date()


def build_server(settings: Settings, store: Store) -> Server:
    """Put the parts together."""
    limits = Limits(
        items=settings.max_items,
        text_chars=settings.max_text_chars,
        picture_bytes=settings.max_picture_bytes,
        json_depth=settings.max_json_depth,
    )
    return Server(
        settings=settings,
        store=store,
        access=Access(
            store,
            settings.access_cache_seconds,
            rate_limit=settings.rate_limit,
            processes=settings.workers,
        ),
        bodies=BodyReader(settings),
        limits=limits,
        turns=Turns(),
        gatherer=Gatherer(limits, lambda: latest_date(time.time())),
        webhooks=Deliverer(store, private=settings.webhook_private_addresses),
        # One thread: two batches that share the interpreter would both be ready late, and the
        # writer would stand idle until then.
        planner=ThreadPoolExecutor(1, thread_name_prefix="planner"),
    )
