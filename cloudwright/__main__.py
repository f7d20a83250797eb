"""`python -m cloudwright server|agent|demo`."""

import sys

from cloudwright.cli.main import main

sys.exit(main())
