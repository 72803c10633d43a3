"""The search tree of a MaxMind DB file as flat intervals, read with numpy for all networks at once.

Layout: the MaxMind DB File Format Specification 2.0. Records of 24, 28 and 32 bits; a value below the node
count is a node, the node count itself means nothing, and anything above points at data. In an IPv6 tree the
IPv4 addresses are under ::/96; other parts (6to4, Teredo, mapped) may be aliases of them and are passed over,
because the service unwraps such addresses itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.errors import GeoDatabaseError

Starts = NDArray[np.uint64]
Values = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Leaves:
    """Ascending interval starts and the tree's value from there on; 0 is nothing.

    IPv4 starts are addresses, IPv6 starts the upper 64 bits.
    """

    starts: Starts
    values: Values


@dataclass(frozen=True, slots=True)
class Tree:
    """The nodes: for each its left (bit 0) and right (bit 1) value."""

    left: Values
    right: Values
    ip_version: int

    @property
    def count(self) -> int:
        """The number of nodes; also the value that means nothing."""
        return len(self.left)


def read_tree(path: Path, node_count: int, record_size: int, ip_version: int) -> Tree:
    """The tree at the beginning of a file.

    Raises:
        GeoDatabaseError: the file is shorter than its tree, or the record size is unknown.
    """
    size = node_count * record_size // 4
    if record_size not in (24, 28, 32) or path.stat().st_size <= size:
        raise GeoDatabaseError("the search tree is larger than the file, or of an unknown kind")
    raw = np.fromfile(path, dtype=np.uint8, count=size).reshape(node_count, record_size // 4).astype(np.uint32)
    if record_size == 28:
        left = (raw[:, 3] & np.uint32(0xF0)) << np.uint32(20) | _number(raw[:, 0:3])
        right = (raw[:, 3] & np.uint32(0x0F)) << np.uint32(24) | _number(raw[:, 4:7])
    else:
        half = record_size // 8
        left, right = _number(raw[:, :half]), _number(raw[:, half:])
    return Tree(left, right, ip_version)


def _number(octets: Values) -> Values:
    value: Values = np.zeros(len(octets), dtype=np.uint32)
    for column in range(octets.shape[1]):
        value = value << np.uint32(8) | octets[:, column]
    return value


def ipv4_leaves(tree: Tree) -> Leaves:
    """The intervals of the IPv4 space."""
    root = _ipv4_root(tree)
    if root >= tree.count:
        return Leaves(np.zeros(1, dtype=np.uint64), np.array([_value(root, tree)], dtype=np.uint32))
    return _walk(tree, root, 32, alias=None)


def ipv6_leaves(tree: Tree) -> Leaves:
    """The intervals of the IPv6 space by the upper 64 bits; of a divided /64 its first address counts."""
    if tree.ip_version != 6:
        return Leaves(np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.uint32))
    root = _ipv4_root(tree)
    return _walk(tree, 0, 64, alias=root if root < tree.count else None)


def _ipv4_root(tree: Tree) -> int:
    node = 0
    for _ in range(96 if tree.ip_version == 6 else 0):
        if node >= tree.count:
            break
        node = int(tree.left[node])
    return node


def _value(node: int, tree: Tree) -> int:
    return 0 if node == tree.count else node


def _walk(tree: Tree, root: int, bits: int, alias: int | None) -> Leaves:
    """Goes down level by level with all open nodes at once."""
    nodes, prefixes = np.array([root], dtype=np.uint32), np.zeros(1, dtype=np.uint64)
    starts: list[Starts] = []
    values: list[Values] = []
    for depth in range(bits):
        bit = np.uint64(1 << (bits - depth - 1))
        children = np.concatenate([tree.left[nodes], tree.right[nodes]])
        prefixes = np.concatenate([prefixes, prefixes | bit])
        if alias is not None:
            children = np.where(children == alias, np.uint32(tree.count), children)
        leaf = children >= tree.count
        starts.append(prefixes[leaf])
        values.append(children[leaf])
        nodes, prefixes = children[~leaf], prefixes[~leaf]
        if len(nodes) > tree.count:
            raise GeoDatabaseError("the search tree has a loop")
    starts.append(prefixes)
    values.append(_first_leaves(tree, nodes))
    return _sorted(tree, np.concatenate(starts), np.concatenate(values))


def _first_leaves(tree: Tree, nodes: Values) -> Values:
    """For nodes below the last level looked at: the value of their first address."""
    for _ in range(64):
        is_open = nodes < tree.count
        if not is_open.any():
            break
        nodes = np.where(is_open, tree.left[np.where(is_open, nodes, 0)], nodes)
    return np.where(nodes < tree.count, tree.count, nodes).astype(np.uint32)


def _sorted(tree: Tree, starts: Starts, values: Values) -> Leaves:
    order = np.argsort(starts, kind="stable")
    starts, values = starts[order], np.where(values[order] == tree.count, 0, values[order])
    first = np.ones(len(starts), dtype=bool)
    first[1:] = values[1:] != values[:-1]
    return Leaves(starts[first], values[first].astype(np.uint32))
