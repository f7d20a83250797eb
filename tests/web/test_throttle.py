"""Slowing down those who guess."""

from __future__ import annotations

from cloudwright.web.throttle import Limits, Throttle


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def guess(throttle, times, address="192.0.2.1", account="/ ann"):
    return [throttle.wait(address, account) for _ in range(times)]


def test_the_delay_doubles_up_to_its_limit():
    clock = Clock()
    throttle = Throttle(Limits(free=2, first=1, longest=4, longest_account=4), clock)
    guess(throttle, 2)
    for delay in (1, 2, 4, 4):
        assert guess(throttle, 2) == [0.0, delay]
        clock.now += delay


def test_an_account_waits_shorter_than_an_address():
    clock = Clock()
    throttle = Throttle(Limits(free=0, first=100, longest=100, longest_account=10), clock)
    guess(throttle, 1)
    assert throttle.wait("198.51.100.1", "/ ann") == 10
    assert throttle.wait("192.0.2.1", "/ bob") == 100


def test_side_by_side_guesses_gain_nothing():
    throttle = Throttle(Limits(free=3), Clock())
    assert [wait == 0 for wait in guess(throttle, 8)] == [True] * 4 + [False] * 4


def test_success_clears_the_account_but_not_the_address():
    clock = Clock()
    throttle = Throttle(Limits(free=2), clock)
    guess(throttle, 2)
    throttle.wait("198.51.100.1", "/ ann")
    clock.now += 60
    assert throttle.wait("192.0.2.1", "/ own") == 0
    throttle.succeeded("192.0.2.1", "/ own")
    assert throttle.wait("192.0.2.1", "/ bob") == 0
    assert throttle.wait("192.0.2.1", "/ bob") > 0


def test_one_ipv6_network_is_one_source():
    throttle = Throttle(Limits(free=1, longest_account=0), Clock())
    assert throttle.wait("2001:db8::1", "a") == 0
    assert throttle.wait("2001:db8::2", "b") == 0
    assert throttle.wait("2001:db8::3", "c") > 0
    assert throttle.wait("2001:db8:0:1::3", "c") == 0


def test_memory_is_bounded():
    throttle = Throttle(Limits(kept=100), Clock())
    for number in range(1000):
        throttle.wait(f"10.0.{number // 250}.{number % 250}", f"user{number}")
    assert len(throttle) == 100


def test_old_failures_are_forgotten():
    clock = Clock()
    throttle = Throttle(Limits(free=1, forget=100), clock)
    guess(throttle, 2)
    clock.now += 101
    assert guess(throttle, 1) == [0.0]
