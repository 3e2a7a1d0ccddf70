"""The body of the reference's one call, and its checks, as pydantic models.

What pydantic's core can check in Rust (lengths, patterns) is left to it; the rest are plain
validators. Wallets are checked as far as ordinary libraries go: Ethereum and Tezos fully, the
other namespaces by length and alphabet, which is less than Enrol checks.
"""

import re
from base64 import b64decode
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal, Self
from zoneinfo import available_timezones

from based58 import b58decode_check
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel
from sha3 import keccak_256

_ZONES: Final = frozenset(available_timezones())
_COUNTRIES: Final = frozenset(
    "ABW AFG AGO AIA ALA ALB AND ANT ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA "
    "BGD BGR BHR BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV "
    "CMR COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI "
    "ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD "
    "GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY "
    "JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF "
    "MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM "
    "NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT "
    "PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD "
    "STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN "
    "TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM XKX YEM ZAF ZMB ZWE".split()
)
_HEX: Final = "0[xX][0-9a-fA-F]"
_BASE58: Final = "[1-9A-HJ-NP-Za-km-z]"
_BECH32: Final = "1[02-9ac-hj-np-z]"
_ADDRESSES: Final = {
    namespace: re.compile(pattern).fullmatch
    for namespace, pattern in {
        "tezos": f"(?:tz[1-4]|KT1){_BASE58}{{33}}",
        "eip155": f"{_HEX}{{40}}",
        "aptos": f"{_HEX}{{1,64}}",
        "polkadot": f"{_BASE58}{{46,49}}",
        "starknet": f"{_HEX}{{1,64}}",
        "cosmos": f"[a-z]{{1,83}}{_BECH32}{{38,58}}",
        "solana": f"{_BASE58}{{32,44}}",
        "cardano": f"(?:addr{_BECH32}{{53,103}}|(?:Ae2|DdzFF){_BASE58}{{50,110}})",
        "bip122": f"(?:[13]{_BASE58}{{25,34}}|bc{_BECH32}{{39,59}})",
        "xrpl": f"r{_BASE58}{{24,34}}",
        "dash": f"[X7]{_BASE58}{{33}}",
        "tron": f"T{_BASE58}{{33}}",
        "avax": f"(?:(?:[XPC]-)?avax{_BECH32}{{38}}|{_HEX}{{40}})",
    }.items()
}
_TEZOS_PREFIXES: Final = (
    b"\x06\xa1\x9f",
    b"\x06\xa1\xa1",
    b"\x06\xa1\xa4",
    b"\x06\xa1\xa6",
    b"\x02Zy",
)
_BIRTHDATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)-(\d\d)(T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?)?"
)
_IMAGES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")


def _country(value: str) -> str:
    if value not in _COUNTRIES:
        raise ValueError("not an ISO 3166-1 alpha-3 code")
    return value


def _zone(value: str) -> str:
    if value not in _ZONES:
        raise ValueError("not in the tz database")
    return value


def _birthdate(value: str) -> str:
    match = _BIRTHDATE.fullmatch(value)
    if match is None:
        raise ValueError("not a birthdate")
    year, month, day, time = match.groups()
    now = datetime.now(UTC)
    if time:
        future = datetime.fromisoformat(value) > now
    else:  # the year 0000 is a year that is not told, and 2000 had a 29 February
        future = date(int(year) or 2000, int(month or 1), int(day or 1)) > now.date()
    if future:
        raise ValueError("in the future")
    return value


def _image(value: str) -> str:
    if not b64decode(value, validate=True).startswith(_IMAGES):
        raise ValueError("not an image")
    return value


def _checksum_holds(address: str) -> bool:
    plain = address[2:].lower()
    if address[2:] in (plain, plain.upper()):
        return True
    nibbles = keccak_256(plain.encode()).hexdigest()
    return address[2:] == "".join(
        [
            char.upper() if nibble > "7" else char
            for char, nibble in zip(plain, nibbles, strict=False)
        ]
    )


def _tezos_holds(address: str) -> bool:
    try:
        raw = b58decode_check(address.encode())
    except ValueError:
        return False
    return len(raw) == 23 and raw.startswith(_TEZOS_PREFIXES)


Text = Annotated[str, StringConstraints(max_length=4096)]
Url = Annotated[str, StringConstraints(max_length=4096, pattern=r"^https?://[^\s/?#]+[^\s]*$")]
Locale = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|\d{3}))?([-_][A-Za-z0-9]{1,8})*$"
    ),
]
Did = Annotated[
    str,
    StringConstraints(
        max_length=4096,
        pattern=r"^did:[a-z0-9]+:(([\w.-]|%[0-9A-Fa-f]{2})*:)*([\w.-]|%[0-9A-Fa-f]{2})+$",
    ),
]
Country = Annotated[str, AfterValidator(_country)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class Wallet(_Part):
    wallet: Text
    blockchain_namespace: str
    verified: bool | None = None
    created_by: Text | None = None

    @model_validator(mode="after")
    def _address(self) -> Self:
        namespace, address = self.blockchain_namespace, self.wallet
        if namespace not in _ADDRESSES or not _ADDRESSES[namespace](address):
            raise ValueError("not an address of a known namespace")
        if namespace == "eip155" and not _checksum_holds(address):
            raise ValueError("the checksum of EIP-55 does not hold")
        if namespace == "tezos" and not _tezos_holds(address):
            raise ValueError("the checksum does not hold")
        return self


class Claims(_Part):
    sub: Text | None = None
    name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    middle_name: Text | None = None
    nickname: Text | None = None
    preferred_username: Text | None = None
    profile: Url | None = None
    picture: Url | None = None
    picture_base64: Annotated[str, AfterValidator(_image)] | None = None
    website: Url | None = None
    gender: Text | None = None
    birthdate: Annotated[str, AfterValidator(_birthdate)] | None = None
    zoneinfo: Annotated[str, AfterValidator(_zone)] | None = None
    locale: Locale | None = None
    country_of_residence: Country | None = None
    nationality: Country | None = None
    created_by: Text | None = None
    address: Text | None = None


class DidPart(_Part):
    did: Did
    created_by: Text | None = None
    updated_by: Text | None = None


class Customer(_Part):
    customer_wallet: Wallet | None = None
    customer_claims: Claims | None = None
    customer_did: DidPart | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.customer_wallet or self.customer_claims or self.customer_did):
            raise ValueError("needs one of its three parts")
        return self


class Batch(_Part):
    customer_type: Literal["Individual", "Company"]
    customer_data: Annotated[list[Customer], Field(max_length=10_000)]
    cms_project_id: Text
