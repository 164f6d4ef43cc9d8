"""The tables that texts are read with: emoji and top-level domains, and how long a host is in DNS."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.punycode import LABEL_CHARS_MAX, dns_length
from tests.support.text_tables import DOMAIN, emoji_sequences, top_level_domains

TABLES = {"tlds.txt": top_level_domains, "emoji.txt": emoji_sequences}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_all_that_the_lists_have_in_order(name: str) -> None:
    lines = (DOMAIN / name).read_text(encoding="utf-8").splitlines()
    assert TABLES[name]() <= set(lines), "python -m tests.support.text_tables"
    assert lines == sorted(set(lines))
    assert all(line == unicodedata.normalize("NFC", line).strip() for line in lines)


def test_the_tables_are_whole() -> None:
    domains = (DOMAIN / "tlds.txt").read_text(encoding="utf-8").split()
    emoji = (DOMAIN / "emoji.txt").read_text(encoding="utf-8").split()
    assert {"com", "jp", "music", "kids", "ישראל", "みんな", "中国"} <= set(domains)
    assert all(domain == domain.lower() and "." not in domain for domain in domains)
    assert {"👨\u200d👩\u200d👧\u200d👦", "🇨🇭", "1\ufe0f\u20e3", "👍🏽", "🧑🏾\u200d🩰"} <= set(emoji)
    assert all(2 <= len(each) <= 10 for each in emoji)


@given(
    st.text(st.characters(codec="utf-8", min_codepoint=33) | st.sampled_from("abc-éあい漢字"), min_size=1, max_size=63)
)
def test_a_label_is_as_long_in_dns_as_the_codec_makes_it(label: str) -> None:
    exact = len(label) if label.isascii() else len(b"xn--" + label.encode("punycode"))
    found = dns_length(label)
    assert found == exact if exact <= LABEL_CHARS_MAX else found > LABEL_CHARS_MAX or label.isascii()


def test_a_label_that_only_looks_encoded_is_none() -> None:
    assert dns_length("xn--はじめよう") > LABEL_CHARS_MAX
