"""Console tokens: genuine, in time, once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudwright.core.ticket import TokenRefused, mint, read_token
from cloudwright.web.console import Door
from tests.web.conftest import once

KEY = b"k" * 32


def refused(token, now=1000.0, key=KEY):
    with pytest.raises(TokenRefused) as caught:
        read_token(key, token, now)
    return str(caught.value)


def test_a_token_tells_machine_and_user():
    claims = read_token(KEY, mint(KEY, "vm-1", "u-ann", 1000), 1059)
    assert (claims.vm, claims.user, claims.expires) == ("vm-1", "u-ann", 1060)


def test_an_expired_token_is_refused():
    assert "expired 1 seconds ago" in refused(mint(KEY, "vm-1", "u-ann", 1000), 1061)


def test_another_keys_token_is_refused():
    assert "not genuine" in refused(mint(b"other", "vm-1", "u-ann", 1000))


@given(st.text())
def test_made_up_tokens_are_refused(text):
    refused(text)
    refused(text + "." + text)


@given(st.integers(0, 300), st.characters())
def test_a_changed_token_is_refused(place, char):
    token = mint(KEY, "vm-1", "u-ann", 1000)
    place %= len(token)
    changed = token[:place] + char + token[place + 1 :]
    if changed != token:
        refused(changed)


def test_a_token_opens_once():
    async def story():
        async def no_screen(claims):
            raise OSError("no screen")

        door = Door(KEY, no_screen, once())
        import time

        token = mint(KEY, "vm-1", "u-ann", time.time())
        with pytest.raises(OSError, match="no screen"):
            await door.admit(token, time.time())
        with pytest.raises(TokenRefused, match="used already"):
            await door.admit(token, time.time())

    asyncio.run(story())
