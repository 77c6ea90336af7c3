"""`python -m perago.cli`: the `perago` command without its script."""

import sys

from perago.cli import main

sys.exit(main())
