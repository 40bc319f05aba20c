import sys

from logdigest.cli import main

sys.exit(main())
