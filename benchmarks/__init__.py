"""Measurements side by side, in one run and on one machine: this project beside what it is built on.

Belongs here: what makes load, what measures, what prints. Does not belong here: what the product imports.
"""

import emberline as emberline
