"""placeholder"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Speed(Enum):
    LEFT_OUT = 0
    MEASURED = 1


def asked(*a: Any) -> Any:
    return ()
