"""``python -m benchmarks.search``: lists of a project with a million customers, over HTTP.

Every kind of query is asked some hundred times, with values drawn anew each time, by one client on
the same machine. Half of the customers are companies, all in one country, so that there are large
sets with nothing in common. What is measured is from the request to the last byte of the answer.
"""

import argparse
import http.client
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlencode

import msgspec

from benchmarks.databases import PROJECT, StoreName, databases_of
from benchmarks.people import customer
from benchmarks.servers import HOST, Server, serve

BATCH: Final = 1_000
COMPANY_COUNTRY: Final = "LUX"
SYLLABLES: Final = "ba ko ri ma san to len vik du per mi no ge ta shu al be".split()
LEGAL: Final = ("GmbH", "Ltd", "Inc", "S.A.")
LIMIT_MS: Final = 50.0
Params = dict[str, Any]


class Client:
    """One connection to the server."""

    def __init__(self, server: Server) -> None:
        self.connection = http.client.HTTPConnection(HOST, server.port)
        self.headers = {"Authorization": f"Bearer {server.token}"}

    def enrol(self, body: bytes) -> None:
        headers = self.headers | {"Content-Type": "application/json"}
        self.connection.request("POST", "/customers/batch", body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"refused: {text[:300]!r}")

    def list(self, address: str) -> http.client.HTTPResponse:
        self.connection.request("GET", address, headers=self.headers)
        return self.connection.getresponse()

    def page(self, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
        answer = self.list(address_of(params))
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"refused: {text[:300]!r}")
        return json.loads(text), {name.lower(): value for name, value in answer.getheaders()}


def address_of(params: Params) -> str:
    return f"/customers?{urlencode({'cmsProjectId': PROJECT, **params})}"


def made_name(draw: random.Random) -> str:
    """One of some 60,000 family names, a few of which are frequent."""
    rank = int(min(60_000, 4 * draw.paretovariate(0.6)))
    own = random.Random(rank)
    return "".join(own.choice(SYLLABLES) for _ in range(own.choice((2, 3, 3, 4)))).capitalize()


def bodies(count: int) -> Iterator[bytes]:
    """The batches: people and companies in turn."""
    draw = random.Random(1)
    for first in range(0, count, BATCH):
        company = first // BATCH % 2 == 1
        items = []
        for number in range(first, min(first + BATCH, count)):
            item = customer(number)
            claims = item["customerClaims"]
            if company:
                claims = {"countryOfResidence": COMPANY_COUNTRY}
                claims["name"] = f"{made_name(draw)} {made_name(draw)} {draw.choice(LEGAL)}"
                item["customerClaims"] = claims
            elif number % 2:
                claims["familyName"] = made_name(draw)
                claims["name"] = f"{claims['givenName']} {claims['familyName']}"
            items.append(item)
        kind = "Company" if company else "Individual"
        body = {"customerType": kind, "cmsProjectId": PROJECT, "customerData": items}
        yield msgspec.json.encode(body)


def fill(client: Client, count: int) -> tuple[float, float]:
    """Enrol them all; the seconds that took, and those until the index had seen them."""
    spent, began = 0.0, time.perf_counter()
    for number, body in enumerate(bodies(count), 1):
        start = time.perf_counter()
        client.enrol(body)
        spent += time.perf_counter() - start
        if number % 100 == 0:
            print(f"{number * BATCH:,} in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    start = time.perf_counter()
    while True:
        _, headers = client.page(type="Company", limit=1, count="estimated")
        if "enrol-index-behind" not in headers:
            return spent, time.perf_counter() - start
        time.sleep(0.5)


def kinds(count: int, client: Client) -> dict[str, Callable[[random.Random], Params]]:
    """The kinds of queries, each with what draws one."""
    oldest, _ = client.page(sort="createdAt", limit=1)
    newest, _ = client.page(limit=1)
    start, end = (page["data"][0]["createdAt"] for page in (oldest, newest))
    countries = ["DEU", "JPN", "UKR", "BRA", "AFG", "GRC"]
    spaces = ["tezos", "eip155", "solana", "cosmos", "dash"]
    scripts = ["müller", "Олена", "山田", "김", "محمد", "शर्मा", "Ελένη", "Łukasz", "garcia"]
    return {
        "all, newest": lambda draw: {},
        "all, a deep page": lambda draw: {"currentPage": draw.randrange(count // 100) + 1},
        "one type": lambda draw: {"type": draw.choice(("Company", "Individual"))},
        "one country": lambda draw: {"countryOfResidence": draw.choice(countries)},
        "a country, a type, a namespace": lambda draw: {
            "countryOfResidence": draw.choice(countries),
            "type": "Individual",
            "namespace": draw.choice(spaces),
        },
        "two halves without a common customer": lambda draw: {
            "type": "Individual",
            "countryOfResidence": COMPANY_COUNTRY,
        },
        "two halves, the one within the other": lambda draw: {
            "type": "Company",
            "countryOfResidence": COMPANY_COUNTRY,
        },
        "with findings": lambda draw: {"finding": "any"},
        "no status, one namespace": lambda draw: {
            "status": "No status",
            "namespace": draw.choice(spaces),
        },
        "created between, one type": lambda draw: {
            "fromDate": start,
            "toDate": end,
            "type": draw.choice(("Company", "Individual")),
        },
        "search: a name": lambda draw: {"search": made_name(draw)},
        "search: a name of any script": lambda draw: {"search": draw.choice(scripts)},
        "search: begun, 1 letter": lambda draw: {"search": draw.choice("abcdefgklmnoprst")},
        "search: begun, 3 letters": lambda draw: {"search": made_name(draw)[:3]},
        "search: begun, 4 letters": lambda draw: {"search": made_name(draw)[:4]},
        "search: two names": lambda draw: {"search": f"{made_name(draw)} {made_name(draw)}"},
        "search: most of a half (gmbh, ltd)": lambda draw: {"search": draw.choice(("gmbh", "ltd"))},
        "search: the same, in the other half": lambda draw: {
            "search": draw.choice(("gmbh", "ltd")),
            "type": "Individual",
        },
        "search: nobody": lambda draw: {"search": f"qq{draw.randrange(10**6)}"},
        "search and country, by name": lambda draw: {
            "search": made_name(draw)[:3],
            "countryOfResidence": COMPANY_COUNTRY,
            "sort": "name",
        },
        "by name": lambda draw: {"sort": draw.choice(("name", "-name"))},
        "by name, one country": lambda draw: {
            "sort": draw.choice(("name", "-name")),
            "countryOfResidence": draw.choice(countries),
        },
        "by name, one type, a deep page": lambda draw: {
            "sort": "name",
            "type": "Company",
            "currentPage": draw.randrange(900) + 1,
        },
        "by change, one type": lambda draw: {
            "sort": draw.choice(("updatedAt", "-updatedAt")),
            "type": "Company",
        },
        "one type, 1,000 a page": lambda draw: {"type": "Company", "limit": 1_000},
    }


def measure(client: Client, draw: random.Random, requests: int, params: Any) -> list[float]:
    """The milliseconds of each request, sorted."""
    times = []
    for _ in range(requests):
        address = address_of(params(draw))
        start = time.perf_counter()
        answer = client.list(address)
        answer.read()
        times.append((time.perf_counter() - start) * 1_000)
        if answer.status != 200:
            sys.exit(f"{answer.status}: {address}")
    return sorted(times)


def measure_cursors(client: Client, requests: int) -> list[float]:
    """The same, from page to page of one list."""
    times: list[float] = []
    address = address_of({"type": "Individual", "sort": "name"})
    for _ in range(requests):
        start = time.perf_counter()
        answer = client.list(address)
        answer.read()
        times.append((time.perf_counter() - start) * 1_000)
        following = (answer.getheader("Link") or "").rpartition('; rel="next"')[0]
        address = following.rpartition("<")[2].rstrip(">")
    return sorted(times)


def report(name: str, times: list[float]) -> None:
    """A line of a table in Markdown."""
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    met = "yes" if p99 < LIMIT_MS else "no"
    print(f"| {name} | {p50:.1f} | {p99:.1f} | {times[-1]:.1f} | {met} |", flush=True)


def run(store: StoreName, count: int, requests: int, directory: Path) -> None:
    """Fill a database of a store, and print its table."""
    with databases_of(store, directory) as databases:
        if databases is None:
            print(f"{store} is not installed here", file=sys.stderr)
            return
        with serve("enrol", databases) as server:
            client = Client(server)
            spent, more = fill(client, count)
            print(
                f"\n{databases.store} {databases.version}, {count:,} customers: enrolled at", end=""
            )
            print(f" {count / spent:,.0f} a second; the index followed {more:.0f} s later.\n")
            print(
                "| query | p50 ms | p99 ms | most ms | below 50 |\n| :-- | --: | --: | --: | :-- |"
            )
            draw = random.Random(2)
            for name, params in kinds(count, client).items():
                measure(client, draw, 5, params)
                report(name, measure(client, draw, requests, params))
            report("by name, one type, from cursor to cursor", measure_cursors(client, requests))


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--store", choices=get_args(StoreName))
    options = parser.parse_args()
    for store in (options.store,) if options.store else get_args(StoreName):
        with tempfile.TemporaryDirectory(prefix="enrol-bench-") as directory:
            run(store, options.customers, options.requests, Path(directory))


if __name__ == "__main__":
    main()
