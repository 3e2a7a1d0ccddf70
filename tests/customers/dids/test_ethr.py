"""did:ethr: an account with EIP-55 where the case is mixed, or a compressed public key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids import check_dids

# universal-resolver, application.yml.
ACCOUNT = "0x3b0BC51Ab9De1e5B7B6E34E5b960285805C41736"
PUBLIC_KEY = "0x03fdd57adec3d438ea237fe46b33ee1e016eda6b585c3e27ea66686c2ea5358479"


def code(did: str) -> str | None:
    faults = check_dids([did])
    return faults[0][1] if faults else None


@pytest.mark.parametrize("identifier", [ACCOUNT, PUBLIC_KEY])
@pytest.mark.parametrize("spelled", [str, str.lower, lambda text: "0x" + text[2:].upper()])
@pytest.mark.parametrize(
    "network", ["", "mainnet:", "sepolia:", "0x1:", "0xAa36a7:", "rsk:testnet:", "my-net.1:"]
)
def test_accepted(identifier: str, spelled: type[str], network: str) -> None:
    assert code(f"did:ethr:{network}{spelled(identifier)}") is None


@pytest.mark.parametrize(
    "identifier",
    [
        "0x3B0BC51Ab9De1e5B7B6E34E5b960285805C41736",
        "mainnet:0x3B0BC51Ab9De1e5B7B6E34E5b960285805C41736",
        ACCOUNT[:-1],
        ACCOUNT + "0",
        ACCOUNT[2:],
        "0X" + ACCOUNT[2:],
        ACCOUNT[:-1] + "g",
        "0x04" + PUBLIC_KEY[4:],
        PUBLIC_KEY[:-1],
        PUBLIC_KEY + "00",
        "1:" + ACCOUNT,
        ":" + ACCOUNT,
        "0x:" + ACCOUNT,
        "0xg:" + ACCOUNT,
        "0x" + "1" * 17 + ":" + ACCOUNT,
        "mainnet::" + ACCOUNT,
        ACCOUNT + ":mainnet",
        ACCOUNT + "-",
        "mainnet",
        "0x1",
        "%30x" + ACCOUNT[2:],
    ],
)
def test_refused(identifier: str) -> None:
    right = f"did:ethr:{ACCOUNT}"
    assert check_dids([right, f"did:ethr:{identifier}", right]) == [(1, "did.ethr")]


@given(st.integers(2, 41))
def test_one_letter_of_the_other_case_is_refused(at: int) -> None:
    wrong = ACCOUNT[:at] + ACCOUNT[at].swapcase() + ACCOUNT[at + 1 :]
    assert code(f"did:ethr:{wrong}") == (None if wrong == ACCOUNT else "did.ethr")


@pytest.mark.parametrize("network", ["", "0x1:", "sepolia:"])
def test_a_private_key_is_a_secret(network: str) -> None:
    assert code(f"did:ethr:{network}0x{'4c' * 32}") == "did.secret"


def test_an_erc_1191_checksum_passes() -> None:
    # ERC-1191, "Test Cases", RSK mainnet: with the network said, it is as right as EIP-55's.
    assert code("did:ethr:0x1e:0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD") is None


@pytest.mark.parametrize("unit", ["a", "a:", "0x", "%41", ":0x"])
def test_a_huge_text_is_refused(unit: str) -> None:
    assert code("did:ethr:" + unit * 300_000 + "0") == "did.ethr"
