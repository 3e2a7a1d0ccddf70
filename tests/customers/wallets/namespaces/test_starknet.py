"""starknet: a number in hexadecimal, its range, and the checksum of starknet.js in mixed case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sha3 import keccak_256

from enrol.customers.wallets.accounts import canonical_address, describe_account
from enrol.customers.wallets.forms import AddressError
from enrol.customers.wallets.namespaces import starknet
from tests.customers.vectors import rows
from tests.customers.wallets.vectors import Vector, addresses, vectors

# The bounds of `ContractAddress::validate` in the sequencer's starknet_api.
LEAST, TOO_GREAT = 2, 2**251 - 256

# From starknet.js: its address tests, and the example that documents `getChecksumAddress`. The
# last begins with zeros, which tell what is hashed: the number, not 32 bytes.
CHECKSUMMED = [
    "0x02Fd23d9182193775423497fc0c472E156C57C69E4089A1967fb288A2d84e914",
    "0x0000090591D9fA3EfC87067d95a643f8455E0b8190eb8Cb7bFd39e4fb7571fDF",
]
ADDRESS = CHECKSUMMED[0]

# namespaces/starknet/caip10.md
CAIP10 = "starknet:SN_MAIN:0x02DdfB499765c064eaC5039E3841AA5f382E73B598097a40073BD8B48170Ab57"

NUMBERS = st.one_of(
    st.integers(LEAST, TOO_GREAT - 1),
    st.integers(0, 250).map(lambda bits: max(LEAST, 1 << bits)),
)


def refusal(address: str) -> str:
    """The check's own code: the second look takes 64 digits for an address of aptos."""
    with pytest.raises(AddressError) as refused:
        starknet.canonical(address)
    with pytest.raises(AddressError):
        canonical_address("starknet", address)
    return refused.value.code


def checksummed(number: int) -> str:
    """Digit by digit, as `getChecksumAddress` of starknet.js has it."""
    text = f"{number:x}"
    hashed = keccak_256(bytes.fromhex(text.zfill(len(text) + len(text) % 2))).hexdigest()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(f"{number:064x}", hashed, strict=True)
    )


@pytest.mark.parametrize("address", addresses("starknet", "valid"))
def test_valid_vectors_are_accepted(address: str) -> None:
    assert canonical_address("starknet", address) == f"0x{int(address, 16):064x}"


def test_vectors_of_one_account_have_one_canonical_form() -> None:
    for row in (row for row in rows("wallets/equivalence") if row["namespace"] == "starknet"):
        assert len({canonical_address("starknet", address) for address in row["same_account"]}) == 1


@pytest.mark.parametrize("address", addresses("starknet", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@pytest.mark.parametrize("row", vectors("starknet", "policy"), ids=lambda row: row["address"])
def test_policy(row: Vector) -> None:
    if row.get("form") == "no-0x":
        assert refusal(row["address"]) == "wallet.prefix"
    else:
        # "May not validate in checksum-conformant systems": here it does, for want of mixed case.
        assert row["address"] == row["address"].lower()
        assert canonical_address("starknet", row["address"]) == row["address"]


@pytest.mark.parametrize("address", CHECKSUMMED)
def test_published_checksums_are_accepted(address: str) -> None:
    assert checksummed(int(address, 16)) == address
    assert canonical_address("starknet", address) == address.lower()


@given(NUMBERS)
def test_all_spellings_of_a_number_are_one_account(number: int) -> None:
    canonical = f"0x{number:064x}"
    for digits in (f"{number:x}", f"{number:064x}", f"{number:063x}"):
        assert canonical_address("starknet", "0x" + digits) == canonical
        assert canonical_address("starknet", "0x" + digits.upper()) == canonical
    right = checksummed(number)
    assert canonical_address("starknet", right) == canonical
    # Zeros have no case, so an address that lost them still carries its checksum.
    assert canonical_address("starknet", "0x" + right[2:].lstrip("0")) == canonical


@given(NUMBERS, st.sets(st.integers(2, 65), min_size=1))
def test_any_other_mix_of_case_is_refused(number: int, places: set[int]) -> None:
    right = checksummed(number)
    wrong = "".join(c.swapcase() if at in places else c for at, c in enumerate(right))
    if wrong == right or wrong[2:] in {wrong[2:].lower(), wrong[2:].upper()}:
        assert canonical_address("starknet", wrong) == right.lower()
    else:
        assert refusal(wrong) == "wallet.checksum"


@pytest.mark.parametrize("number", [LEAST, 3, TOO_GREAT - 1])
def test_the_bounds_are_accepted(number: int) -> None:
    assert canonical_address("starknet", f"0x{number:x}") == f"0x{number:064x}"


@pytest.mark.parametrize("number", [0, 1, TOO_GREAT, 2**251, 2**252, 2**256 - 1])
def test_a_number_out_of_range_is_refused(number: int) -> None:
    assert refusal(f"0x{number:x}") == "wallet.checksum"
    assert refusal(f"0x{number:064x}") == "wallet.checksum"


def test_caip10() -> None:
    address = CAIP10.rpartition(":")[2]
    assert canonical_address("starknet", CAIP10) == address.lower()
    # As the profile recommends, whatever case was sent.
    for sent in (CAIP10, CAIP10.replace(address, address.lower())):
        account = describe_account("starknet", sent)
        assert account is not None
        assert account.account_id == CAIP10
        assert account.network is None


@pytest.mark.parametrize("number", [LEAST, TOO_GREAT - 1, int(ADDRESS, 16)])
def test_on_chain_is_the_checksummed_address(number: int) -> None:
    assert starknet.describe(f"0x{number:x}").on_chain == checksummed(number)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "wallet.length"),
        ("0x", "wallet.length"),
        ("0x0" + ADDRESS[2:], "wallet.length"),
        (ADDRESS[2:], "wallet.prefix"),
        ("0X" + ADDRESS[2:], "wallet.prefix"),
        (" " + ADDRESS, "wallet.prefix"),
        (ADDRESS + "\n", "wallet.alphabet"),
        (ADDRESS[:-1] + "g", "wallet.alphabet"),
        (ADDRESS[:-1] + "\0", "wallet.alphabet"),
        (ADDRESS[:-1] + "\ud800", "wallet.alphabet"),
        (ADDRESS[:-1] + "İ", "wallet.alphabet"),
        ("0x0_" + ADDRESS[4:].lower(), "wallet.alphabet"),
        ("0x+" + ADDRESS[3:].lower(), "wallet.alphabet"),
        ("0x" + "１" * 63, "wallet.alphabet"),
        ("0x0" + ADDRESS[3:].swapcase(), "wallet.checksum"),
        # In the case of EIP-55, which hashes the text.
        ("0x02DDFb499765C064eAc5039e3841aa5F382E73B598097A40073BD8b48170AB57", "wallet.checksum"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code
