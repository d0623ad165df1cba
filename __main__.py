"""``python -m lighttouch``: the same command line as ``lighttouch``."""

from .serving.cli import main

if __name__ == "__main__":
    main()
