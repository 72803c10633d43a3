"""The program ``python -m mirrorlist``."""

from mirrorlist.cli.main import main

if __name__ == "__main__":
    main(prog_name="mirrorlist")
