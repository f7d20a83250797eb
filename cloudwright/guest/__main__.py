"""python -m cloudwright.guest DIRECTORY [--detach]

DIRECTORY is where this appliance keeps its files and its control socket. With --detach the command returns once the
appliance is ready, and the programme goes on by itself.
"""

from __future__ import annotations

import gc
import os
import sys

from cloudwright.guest import control
from cloudwright.guest.appliance import Appliance


def main(arguments: list[str]) -> None:
    """Run the appliance of one directory."""
    directory = arguments[0]
    socket = control.listen(f"{directory}/control.sock")
    if "--detach" in arguments[1:]:
        pid = os.fork()
        if pid:
            with open(f"{directory}/guest.pid", "w") as file:
                file.write(str(pid))
            os._exit(0)
        os.setsid()
    gc.freeze()
    control.serve(socket, Appliance(directory))


main(sys.argv[1:])
