"""The ruleset as text, and what nftables says to it."""

from __future__ import annotations

import copy
import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudwright.guest.failure import Failed
from cloudwright.guest.firewall import match, ruleset
from tests.guest.documents import empty, golden, rich


def rule(**fields: object) -> dict[str, object]:
    base = {"protocol": "tcp", "sources": [], "destinations": [], "ports": "", "icmp_type": -1, "icmp_code": -1}
    return base | fields


def mark(text: str) -> str:
    found = re.search(r"ct mark (0x[0-9a-f]{8}) accept", text)
    assert found
    return found[1]


def test_the_rich_ruleset_is_as_agreed() -> None:
    text = ruleset(rich())
    assert text == golden("rich.nft", text)


def test_the_empty_ruleset_is_as_agreed() -> None:
    text = ruleset(empty())
    assert text == golden("empty.nft", text)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (rule(protocol="all"), ""),
        (rule(ports="22"), "meta l4proto tcp ct original proto-dst 22"),
        (rule(protocol="UDP", ports="1-9"), "meta l4proto udp ct original proto-dst 1-9"),
        (rule(protocol="47", ports="9"), "meta l4proto 47"),
        (rule(protocol="icmp"), "meta l4proto icmp"),
        (rule(protocol="icmp", icmp_type=8), "meta l4proto icmp icmp type 8"),
        (rule(protocol="icmp", icmp_type=3, icmp_code=4), "meta l4proto icmp icmp type 3 icmp code 4"),
        (rule(protocol="all", sources=["0.0.0.0/0", "192.0.2.1/32"]), ""),
        (rule(protocol="all", sources=["192.0.2.0/25", "192.0.2.128/25"]), "ct original ip saddr { 192.0.2.0/24 }"),
        (rule(protocol="all", sources=["192.0.2.1", "10.0.0.0/8"]), "ct original ip saddr { 10.0.0.0/8, 192.0.2.1/32 }"),
        (rule(protocol="all", destinations=["192.0.2.7"]), "ct original ip daddr { 192.0.2.7/32 }"),
    ],
)
def test_a_rule_matches_what_it_says(given: dict[str, object], text: str) -> None:
    assert match(given) == text


def test_equal_rules_have_equal_marks_and_others_have_others() -> None:
    document = rich()
    later = copy.deepcopy(document) | {"generation": 8}
    assert ruleset(later) == ruleset(document)
    later["addresses"][0]["ingress"].pop()
    assert mark(ruleset(later)) != mark(ruleset(document))


@pytest.mark.parametrize("word", ['22; flush ruleset; #"', "10.0.0.1 } accept {", "", "a\nb", "$x"])
def test_a_word_cannot_become_a_statement(word: str) -> None:
    document = rich()
    document["addresses"][0]["static_nat_to"] = word or "\0"
    with pytest.raises(Failed, match="cannot stand"):
        ruleset(document)


cidrs = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda pair: f"{'.'.join(str(byte) for byte in pair[0].to_bytes(4, 'big'))}/{pair[1]}"
)
port_ranges = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted).map(lambda pair: f"{pair[0]}-{pair[1]}")
rules = st.builds(
    rule,
    protocol=st.sampled_from(["tcp", "udp", "icmp", "all", "47", "132"]),
    sources=st.lists(cidrs, max_size=4),
    destinations=st.lists(cidrs, max_size=4),
    ports=st.just("") | port_ranges,
    icmp_type=st.integers(-1, 255),
    icmp_code=st.integers(-1, 255),
)


@pytest.mark.real
@settings(max_examples=40, deadline=None)
@given(ingress=st.lists(rules, max_size=5), egress=st.lists(rules, max_size=5))
def test_nftables_takes_every_ruleset(ingress: list[dict[str, object]], egress: list[dict[str, object]]) -> None:
    document = rich()
    document["addresses"][0]["ingress"] = ingress
    document["egress"][0]["rules"] = egress
    command = ["unshare", "--net", "nft", "-f", "-"]
    done = subprocess.run(command, input=ruleset(document), capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
