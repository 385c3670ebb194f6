"""Lets `python -m studypub` do what the command does."""

from studypub.cli import main

if __name__ == "__main__":
    main()
