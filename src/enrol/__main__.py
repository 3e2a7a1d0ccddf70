"""``python -m enrol``: the same as the ``enrol`` command."""

from enrol.cli import main

if __name__ == "__main__":
    main()
