"""`python -m tonewheel` is the `tonewheel` command."""

from tonewheel.cli.main import main

if __name__ == "__main__":
    main()
