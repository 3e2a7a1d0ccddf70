"""Phone numbers, of countries that set numbers aside for examples and films, and of services."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.formats.phones import phone_fault, suspect_phones

RIGHT = [
    # ITU-T E.123's own example, and numbers for films: NANPA, Ofcom, ARCEP, Bundesnetzagentur,
    # ACMA, PTS (Sweden).
    "+22607122334455",
    "+12025550100",
    "+442079460000",
    "+447700900999",
    "+33199000000",
    "+493023125000",
    "+61255501234",
    "+46701740605",
    "+93701234567",
    "+79161234567",
    "+390612345678",
    "+6834000",
    "+80012345678",
    "+870773111632",
    "+883510000000000",
    "+97912345678",
    "+123456789012345",
]
SYNTAX = [
    "",
    "+",
    "12025550100",
    "0012025550100",
    "+1 202 555 0100",
    "+1-202-555-0100",
    "+1(202)5550100",
    "tel:+12025550100",
    "+12025550100;ext=1",
    "+1202555010a",
    "+12025550100\n",
    "\n+12025550100",
    " +12025550100",
    "++12025550100",
    "\uff0b12025550100",
    "+\u0661\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0660\u0660",
    "+02025550100",
    "+120255",
    "+1234567890123456",
]
COUNTRY = [
    *("+2101234567", "+2591234567", "+2801234567", "+3841234567", "+4221234567"),
    *("+6711234567", "+6991234567", "+8011234567", "+8511234567", "+8891234567"),
    *("+9691234567", "+9781234567", "+9911234567", "+9991234567"),
]
# ITU-T, list of country codes, Operational Bulletin 1114: the assigned ones, written out anew.
ASSIGNED = set(
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63"
    " 64 65 66 81 82 84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227"
    " 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250"
    " 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299"
    " 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 379 380 381 382"
    " 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594"
    " 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689"
    " 690 691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964"
    " 965 966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 995 996 998".split()
)


@pytest.mark.parametrize("text", RIGHT)
def test_a_number(text: str) -> None:
    assert phone_fault(text) is None


@pytest.mark.parametrize("text", SYNTAX, ids=ascii)
def test_what_is_not_written_so(text: str) -> None:
    assert phone_fault(text) == "phone.syntax"


@pytest.mark.parametrize("text", COUNTRY)
def test_a_code_that_no_country_has(text: str) -> None:
    assert phone_fault(text) == "phone.country"


def test_every_code_of_three_digits() -> None:
    """Codes are prefix-free: a number begins with one of them, or with none."""
    for code in map(str, range(100, 1000)):
        begins = [code[:length] for length in (1, 2, 3)]
        expected = None if ASSIGNED.intersection(begins) else "phone.country"
        assert phone_fault(f"+{code}123456") == expected, code


NUMBERS = st.text(st.sampled_from("+0123456789 -\n"), max_size=18) | st.sampled_from(
    RIGHT + SYNTAX + COUNTRY
)


@given(st.lists(NUMBERS | st.text(max_size=4), min_size=1))
def test_a_search_of_the_column_names_exactly_what_is_wrong(column: list[str]) -> None:
    suspects = set(suspect_phones(column))
    wrong = {place for place, text in enumerate(column) if phone_fault(text)}
    assert wrong <= suspects
    if not any("\n" in text for text in column):
        assert wrong == suspects
