"""The projection of the world map: Equal Earth (Šavrič, Patterson and Jenny, 2018), which keeps areas as they are."""

from __future__ import annotations

import math

WIDTH = 1000
HEIGHT = 440
_NORTH, _SOUTH = 84.0, -58.0
"""Nothing is shown beyond: there are no mirrors, and Antarctica would take a fifth of the picture."""
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = math.sqrt(3) / 2


def _raw(latitude: float, longitude: float) -> tuple[float, float]:
    theta = math.asin(_M * math.sin(math.radians(latitude)))
    squared = theta * theta
    sixth = squared**3
    x = math.radians(longitude) * math.cos(theta)
    x /= _M * (_A1 + 3 * _A2 * squared + sixth * (7 * _A3 + 9 * _A4 * squared))
    return x, theta * (_A1 + _A2 * squared + sixth * (_A3 + _A4 * squared))


_EAST = _raw(0.0, 180.0)[0]
_TOP, _BOTTOM = _raw(_NORTH, 0.0)[1], _raw(_SOUTH, 0.0)[1]


def point(latitude: float, longitude: float) -> tuple[float, float]:
    """Where a place stands on a map of ``WIDTH`` by ``HEIGHT``, from the upper left corner; poles are moved inside."""
    x, y = _raw(max(_SOUTH, min(_NORTH, latitude)), max(-180.0, min(180.0, longitude)))
    return (x / _EAST + 1) / 2 * WIDTH, (_TOP - y) / (_TOP - _BOTTOM) * HEIGHT
