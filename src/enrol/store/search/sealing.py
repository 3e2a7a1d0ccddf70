"""Full chunks: their words are moved to the full-text index, all but those that many have.

The words of the last, growing chunk are looked through as they are. When a chunk is full it is
sealed: a word or a beginning of words that at least `MANY` of its customers have becomes a set,
like a facet; the rest becomes documents of the database's own full-text index. So a query reads
sets where a word is common, and few documents where it is rare.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from enrol.customers.search.entry import PREFIX, WORD
from enrol.customers.search.sets import bits_of, pack

# Of the 7,168 customers of a chunk: about one in a hundred.
MANY: Final = 64


def common_sets(words: Mapping[int, Sequence[str]]) -> dict[bytes, bytes]:
    """The sets of a chunk, by facet. ``words`` are those of each place of the chunk."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, text in words.items():
        for word in text:
            places[word].append(place)
    sets = {
        WORD + word.encode(): pack(bits_of(found))
        for word, found in places.items()
        if len(found) >= MANY
    }
    begun: Counter[str] = Counter()
    for word, found in places.items():
        for length in range(1, len(word) + 1):
            begun[word[:length]] += len(found)
    likely = {prefix for prefix, number in begun.items() if number >= MANY}
    members: dict[str, set[int]] = defaultdict(set)
    for word, found in places.items():
        for length in range(1, len(word) + 1):
            if word[:length] in likely:
                members[word[:length]].update(found)
            else:
                break
    for prefix, having in members.items():
        if len(having) >= MANY:
            sets[PREFIX + prefix.encode()] = pack(bits_of(having))
    return sets


def word_facets(word: str) -> list[bytes]:
    """The sets that a word's customers are in, where the chunk has them."""
    text = [word[:length] for length in range(1, len(word) + 1)]
    return [WORD + word.encode(), *(PREFIX + prefix.encode() for prefix in text)]
