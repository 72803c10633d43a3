"""Compiles a database of addresses in a process of its own, which may end badly without ending the service.

The C reader of maxminddb 3.2 ends the process that runs it where a database is damaged so that the key of a
mapping is no text; a file that is written over in place while it is mapped does so too. Besides, the memory that
compiling takes is given back.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.sources.geo_cache import load, write
from mirrorlist.sources.geo_database import read_geo_database
from mirrorlist.sources.geo_tables import GeoTables

MOST_SECONDS = 900
_PACKAGE_PARENT = Path(__file__).parents[2]
_REFUSED = 3


def compiled(path: Path) -> GeoTables:
    """The tables of a database.

    Raises:
        GeoDatabaseError: as ``read_geo_database``, or the reader broke down over the file.
    """
    with tempfile.TemporaryDirectory(prefix="mirrorlist-") as directory:
        result = Path(directory) / "tables"
        command = [sys.executable, "-m", __name__, str(path.absolute()), str(result)]
        try:
            done = subprocess.run(command, cwd=_PACKAGE_PARENT, capture_output=True, timeout=MOST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise GeoDatabaseError(f"{path}: not read after {MOST_SECONDS} seconds") from None
        if done.returncode == _REFUSED:
            raise GeoDatabaseError(done.stdout.decode(errors="replace"))
        tables = load(result) if done.returncode == 0 else None
    if tables is None:
        raise GeoDatabaseError(f"{path}: not a usable database: its reader broke down (status {done.returncode})")
    return tables


def _main(path: Path, result: Path) -> int:
    try:
        write(result, read_geo_database(path))
    except GeoDatabaseError as error:
        sys.stdout.write(str(error))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(*map(Path, sys.argv[1:])))
