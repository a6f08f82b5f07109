"""`python -m emberline`: the command line."""

from emberline.cli import main

if __name__ == "__main__":
    main()
