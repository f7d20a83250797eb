"""A server process for tests: `node.py URL NODE LEASE`. Runs tasks until its standard input ends; exits with 7 when fenced."""

from __future__ import annotations

import sys
import threading

from cryptography.fernet import Fernet

from cloudwright.core import secret
from cloudwright.core.db import Database
from cloudwright.core.engine import Engine
from cloudwright.core.server import Membership
from tests.core import toys

FENCED = 7


def main(url: str, node: str, lease: float) -> int:
    """Serve."""
    secret.use(Fernet.generate_key())
    db = Database(url)
    db.create_all()
    member = Membership(db, node, lease=lease)
    member.join()
    engine = Engine(db, member.id, lambda contract, where: None, workers=8)
    engine.start()
    print(f"ready {toys.__name__}", flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.wait(0.05):
        if db.fenced.is_set():
            print("fenced", flush=True)
            return FENCED
    engine.stop()
    member.leave()
    db.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
