"""Clusters of near-duplicates: connected components of edge arrays, and who survives in each.

Documents are uint64 numbers. Two ways give one answer, the smallest number as a cluster's label: `components`
holds all edges, the two star rounds hold those of some documents at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Documents = NDArray[np.uint64]
Edges = tuple[Documents, Documents]


class Drops(NamedTuple):
    """Documents dropped, beside each the kept one it duplicates, and the position of their edge."""

    document: Documents
    survivor: Documents
    edge: NDArray[np.int64]


def components(first: Documents, second: Documents) -> Edges:
    """Return all documents that have an edge, sorted, and the smallest document of each one's component.

    Hooks larger labels to smaller ones and halves paths, all edges at a time: logarithmically many passes in
    practice, for chains as for stars (Shiloach and Vishkin, "An O(log n) parallel connectivity algorithm",
    1982).
    """
    documents, ends = np.unique(np.concatenate([first, second]), return_inverse=True)
    left, right = ends[: len(first)], ends[len(first) :]
    label = np.arange(len(documents))
    while len(left):
        low, high = np.minimum(label[left], label[right]), np.maximum(label[left], label[right])
        np.minimum.at(label, high, low)
        while True:
            above = label[label]
            if np.array_equal(above, label):
                break
            label = above
        apart = label[left] != label[right]
        left, right = left[apart], right[apart]
    return documents, documents[label]


def contract(first: Documents, second: Documents) -> Edges:
    """Replace edges by as few as join the same documents: from a component's smallest to each other one."""
    documents, label = components(first, second)
    others = documents != label
    return label[others], documents[others]


def both_ways(first: Documents, second: Documents) -> Edges:
    """Return (document, neighbour) for each edge from both ends: what a star round groups by document."""
    return np.concatenate([first, second]), np.concatenate([second, first])


def large_star(document: Documents, neighbour: Documents) -> Edges:
    """Join each document's larger neighbours to the smallest of itself and its neighbours.

    The arrays hold all neighbours of the documents in them. Returns edges (smaller, larger), each once,
    sorted. Source: Kiveris et al., "Connected Components in MapReduce and Beyond", 2014, algorithm 2.
    """
    document, neighbour, smallest = _by_document(document, neighbour)
    larger = neighbour > document
    return _once(smallest[larger], neighbour[larger])


def small_star(document: Documents, neighbour: Documents) -> Edges:
    """Join each document and its smaller neighbours to the smallest of them.

    The arrays hold all smaller neighbours of the documents in them; larger ones are passed over. Returns
    edges (smaller, larger), each once, sorted. Source: as `large_star`, algorithm 3.
    """
    smaller = neighbour < document
    document, neighbour, smallest = _by_document(document[smaller], neighbour[smaller])
    ends, centres = np.concatenate([document, neighbour]), np.concatenate([smallest, smallest])
    others = ends != centres
    return _once(centres[others], ends[others])


def survivors(first: Documents, second: Documents) -> Drops:
    """Choose who stays, the documents being numbered in survivor order and the edges over the threshold.

    In that order, a document is dropped only if one that was kept is its neighbour, and names the first such;
    so the chain A - B - C loses only B. Documents without edges stay. The answer is sorted by document, and
    does not depend on the order of edges, but for which of two equal edges it names.
    """
    better, worse = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((better, worse))
    dropped: dict[int, tuple[int, int]] = {}
    for edge, keeper, document in zip(
        order.tolist(), better[order].tolist(), worse[order].tolist(), strict=True
    ):
        if document not in dropped and keeper not in dropped and keeper != document:
            dropped[document] = (keeper, edge)
    return Drops(
        np.fromiter(dropped, np.uint64, len(dropped)),
        np.fromiter((keeper for keeper, _ in dropped.values()), np.uint64, len(dropped)),
        np.fromiter((edge for _, edge in dropped.values()), np.int64, len(dropped)),
    )


def _by_document(document: Documents, neighbour: Documents) -> tuple[Documents, Documents, Documents]:
    """Sort by document, and return beside each entry the smallest of its document and all its neighbours."""
    order = np.argsort(document, kind="stable")
    document, neighbour = document[order], neighbour[order]
    begins = np.ones(len(document), np.bool_)
    np.not_equal(document[1:], document[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    if not len(starts):
        return document, neighbour, document
    smallest = np.minimum(document[starts], np.minimum.reduceat(neighbour, starts))
    return document, neighbour, np.repeat(smallest, np.diff(starts, append=len(document)))


def _once(first: Documents, second: Documents) -> Edges:
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    begins = np.ones(len(first), np.bool_)
    begins[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return first[begins], second[begins]
