# SPDX-License-Identifier: LGPL-2.1-or-later
import sys

from .main import main

sys.exit(main())
