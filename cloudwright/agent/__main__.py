"""`python -m cloudwright.agent`."""

import sys

from cloudwright.agent.main import main

sys.exit(main())
