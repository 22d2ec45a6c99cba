"""`python -m modelwright`."""

import sys

from modelwright.cli import main

sys.exit(main())
