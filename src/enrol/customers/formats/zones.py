"""Time zones: the names of the IANA time zone database, and the one name of each zone."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

# Former names of zones, each with the zone of its own country in zone.tab. The database links them
# to that of another country whose clocks agree since 1970.
_FORMER_NAMES: Final = {
    "Africa/Asmera": "Africa/Asmara",
    "Africa/Timbuktu": "Africa/Bamako",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Virgin": "America/St_Thomas",
    "Antarctica/South_Pole": "Antarctica/McMurdo",
    "Atlantic/Jan_Mayen": "Arctic/Longyearbyen",
    "Iceland": "Atlantic/Reykjavik",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
    "Pacific/Yap": "Pacific/Chuuk",
}
# These name no place, and must not come back as one: whoever has EST is not in Panama.
_PLACELESS: Final = frozenset("CET EET EST HST MET MST WET".split())


@cache
def zone_names() -> frozenset[str]:
    """Every name of the database, links too."""
    # The list in the package. `zoneinfo.available_timezones` walks the file system, and
    # `ZoneInfo(name)` opens a file that the sender names.
    return frozenset(_tzdata().joinpath("zones").read_text("ascii").split())


def canonical_zone(name: str) -> str | None:
    """The zone that an alias stands for, None for a name that is no alias.

    As in ECMA-402 (AvailableNamedTimeZoneIdentifiers), a name that zone.tab has is a zone of its
    own, although the database may link it to another country's: Europe/Oslo is not Europe/Berlin.
    """
    return _aliases().get(name)


@cache
def _aliases() -> dict[str, str]:
    folder = _tzdata().joinpath("zoneinfo")
    rows = folder.joinpath("tzdata.zi").read_text("ascii").splitlines()
    links = [row.split()[1:] for row in rows if row.startswith("L ")]
    table = folder.joinpath("zone.tab").read_text("utf-8").splitlines()
    zones = {row.split("\t")[2] for row in table if not row.startswith("#")}
    return {
        alias: _FORMER_NAMES.get(alias, zone)
        for zone, alias in links
        if alias not in zones and alias not in _PLACELESS
    }


def _tzdata() -> Traversable:
    return files("tzdata")
