"""What surrounds a database: settings, clock, disk, the modes of its files."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from enrol.maintenance.checks.findings import Finding
from enrol.maintenance.places import LOCAL_HOSTS, Place
from enrol.settings import MIB, Settings

GIB: Final = 1024 * MIB
LEAST_FREE: Final = GIB
LEAST_FREE_SHARE: Final = 0.1
# The log is cut back at each checkpoint; this long it is when something keeps it from that.
MOST_LOG: Final = GIB
FEWEST_HOURS, MOST_HOURS = 1.0, 31 * 24.0
MOST_ACCESS_SECONDS: Final = 60.0
MEMORY_SHARE: Final = 0.5
# Clocks that are kept right differ by less.
SECONDS_AHEAD: Final = 5
OTHERS: Final = 0o077


def check_settings(settings: Settings, place: Place) -> Iterator[Finding]:
    """Values that are allowed and seldom meant."""
    risks = [*_risks(settings, place)]
    if not risks:
        yield Finding("settings", "ok", "The settings are sensible.")
    yield from risks


def _risks(settings: Settings, place: Place) -> Iterator[Finding]:
    def risk(name: str, message: str, advice: str) -> Finding:
        return Finding(f"settings.{name}", "warning", message, advice)

    cores = os.cpu_count() or 1
    if settings.workers > cores:
        yield risk(
            "workers",
            f"{settings.workers} workers share {cores} cores.",
            f"Set ENROL_WORKERS to {cores} or less.",
        )
    if settings.host not in LOCAL_HOSTS:
        yield risk(
            "host",
            "The server listens to other machines, in plain HTTP.",
            "Let a proxy end TLS before it, and keep its port from all others.",
        )
    if not FEWEST_HOURS <= settings.idempotency_hours <= MOST_HOURS:
        yield risk(
            "idempotency_hours",
            f"An Idempotency-Key is remembered for {settings.idempotency_hours:g} hours.",
            "Set ENROL_IDEMPOTENCY_HOURS to what clients need to repeat a call: a day, say.",
        )
    if settings.access_cache_seconds > MOST_ACCESS_SECONDS:
        yield risk(
            "access_cache_seconds",
            f"A revoked key is taken for up to {settings.access_cache_seconds:g} seconds.",
            "Set ENROL_ACCESS_CACHE_SECONDS to a few seconds.",
        )
    needed = settings.workers * settings.max_inflight_bytes
    needed += 0 if place.is_postgres else settings.sqlite_cache_mib * MIB
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory * MEMORY_SHARE:
        yield risk(
            "memory",
            f"Bodies and cache may take {needed // MIB} MiB of {memory // MIB}.",
            "Lower ENROL_MAX_INFLIGHT_BYTES, ENROL_WORKERS or ENROL_SQLITE_CACHE_MIB.",
        )
    if place.is_postgres and not place.is_encrypted_or_local:
        yield risk(
            "database",
            "The connection to PostgreSQL need not be encrypted.",
            "Add ?sslmode=verify-full, or require, to the URL.",
        )


def check_clock(
    now: int, newest: int | None, uuid: bytes | None, server: int | None = None
) -> Finding:
    """The clock beside the newest row, the newest UUIDv7, and the clock of the database's server.

    All in Unix milliseconds, of a UUID its first 48 bits.
    """
    times = [time for time in (newest, uuid and int.from_bytes(uuid[:6], "big")) if time]
    ahead = (max(times, default=0) - now) // 1000
    if ahead > SECONDS_AHEAD:
        return Finding(
            "clock",
            "warning",
            f"The newest row is {ahead} seconds ahead of the clock, which went back or was wrong.",
            "Keep the clock right by NTP. Rows made until then stand before the newest; they "
            "are not lost.",
        )
    apart = abs(server - now) // 1000 if server is not None else 0
    if apart > SECONDS_AHEAD:
        return Finding(
            "clock",
            "warning",
            f"The clocks here and of PostgreSQL are {apart} seconds apart.",
            "Keep both right by NTP.",
        )
    return Finding("clock", "ok", "The clock is ahead of every row.")


def check_disk(path: Path) -> Finding:
    """The room where the SQLite file and its log grow."""
    usage = shutil.disk_usage(path.parent)
    room = f"{usage.free / GIB:.1f} GiB of {usage.total / GIB:.1f} are free"
    if usage.free < LEAST_FREE or usage.free < usage.total * LEAST_FREE_SHARE:
        return Finding(
            "disk",
            "warning",
            f"The disk is nearly full: {room}.",
            "Make room, or bring the file to a larger disk: when it is full, calls are refused "
            "with 507.",
        )
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > MOST_LOG:
        return Finding(
            "disk",
            "warning",
            f"The log beside the file has {size / GIB:.1f} GiB.",
            "A process reads the file for long and keeps the log from its end: look for it.",
        )
    return Finding("disk", "ok", f"{room}.")


def check_modes(path: Path) -> Finding:
    """Who may read the SQLite file and what lies beside it."""
    files = [path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")]
    open_ones = [file.name for file in files if file.exists() and file.stat().st_mode & OTHERS]
    if open_ones:
        return Finding(
            "modes",
            "warning",
            f"Others may read or write {', '.join(open_ones)}, which holds personal data.",
            f"chmod 600 {' '.join(open_ones)}",
        )
    return Finding("modes", "ok", "The file is its owner's alone.")
