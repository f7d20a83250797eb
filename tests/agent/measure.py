"""Figures of the hub, printed: `PYTHONPATH=. python tests/agent/measure.py [HOSTS] [THREADS] [SECONDS]`."""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.agent.conftest import Site
from tests.agent.test_crowd import resident


def calls(site: Site, hosts: list[str], threads: int, seconds: float) -> list[float]:
    """Call any hosts from as many threads for so long; the latencies in seconds."""
    latencies: list[list[float]] = [[] for _ in range(threads)]
    end = time.monotonic() + seconds

    def work(mine: list[float]) -> None:
        while (began := time.perf_counter()) and time.monotonic() < end:
            site.hub.drivers(random.choice(hosts)).hypervisor.machines()
            mine.append(time.perf_counter() - began)

    workers = [threading.Thread(target=work, args=(mine,)) for mine in latencies]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sorted(latency for mine in latencies for latency in mine)


def main(count: int = 100, threads: int = 16, seconds: float = 5.0) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        site = Site(Path(directory))
        site.hub.start()
        hosts, before, began = site.crowd(count), resident(), time.monotonic()
        with site.swarm():
            site.until(lambda: len(site.hub.hosts()) == count, 300.0)
            print(f"{count} agents connected after {time.monotonic() - began:.1f} s, starting them included")
            print(f"{(resident() - before) / count / 1024:.0f} kB a connection")
            for number in (1, threads):
                took = calls(site, hosts, number, seconds)
                p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
                rate = len(took) / seconds
                print(f"{number} threads: {rate:.0f} calls/s, p50 {p50 * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms")
            port = site.hub.port
            site.hub.stop()
            time.sleep(1.0)
            site.hub = site.new_hub(port)
            site.hub.start()
            began = time.monotonic()
            for share in (0.5, 0.99, 1.0):
                site.until(lambda share=share: len(site.hub.hosts()) >= count * share, 300.0)  # type: ignore[misc]
                print(f"{share:.0%} back {time.monotonic() - began:.1f} s after a restart of 1 s")
        site.hub.stop()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
