"""Benchmarks: this project beside the libraries and engines it could be compared with, in one run on one machine.

Here belongs code that makes load, measures and prints. Code that the product imports does not.
"""

import emberline as emberline
