"""Lets `python -m vsr.cli` be the command `vsr`."""

import sys

from vsr.cli.main import main

sys.exit(main())
