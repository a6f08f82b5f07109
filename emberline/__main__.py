"""`python -m emberline`: the command line."""

from emberline.cli import main

main()
