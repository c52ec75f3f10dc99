"""Makes `python -m cnn2snn` the command line."""

import sys

from cnn2snn.cli import main

sys.exit(main())
