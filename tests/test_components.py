"""Clusters are connected components, found in two ways, and every document dropped has a kept neighbour."""

from __future__ import annotations

from collections import defaultdict

import networkx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.dedup.components import (
    Documents,
    Edges,
    both_ways,
    components,
    contract,
    large_star,
    small_star,
    survivors,
)

EDGES = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), max_size=40)


def columns(edges: list[tuple[int, int]]) -> Edges:
    first, second = np.array(edges, np.uint64).reshape(-1, 2).T
    return first, second


def plain(edges: list[tuple[int, int]]) -> dict[int, int]:
    """Walk from each document, the smallest first, over all edges."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    for first, second in edges:
        neighbours[first].add(second)
        neighbours[second].add(first)
    label: dict[int, int] = {}
    for start in sorted(neighbours):
        waiting = [start]
        while waiting:
            document = waiting.pop()
            if document not in label:
                label[document] = start
                waiting += neighbours[document]
    return label


def by_stars(first: Documents, second: Documents, parts: int = 3) -> tuple[Edges, int]:
    """Run both star rounds until nothing changes, in parts that each hold some documents' neighbours."""
    rounds = 0
    while True:
        before = {*zip(first.tolist(), second.tolist(), strict=True)}
        for star in (large_star, small_star):
            document, neighbour = both_ways(first, second)
            found = [
                star(document[document % parts == part], neighbour[document % parts == part])
                for part in range(parts)
            ]
            first, second = np.concatenate([f for f, _ in found]), np.concatenate([s for _, s in found])
        rounds += 1
        if before == {*zip(first.tolist(), second.tolist(), strict=True)}:
            return (first, second), rounds


@settings(deadline=None)
@given(EDGES)
@example([])
@example([(3, 3)])
def test_both_ways_find_the_components(edges: list[tuple[int, int]]) -> None:
    expected = plain(edges)
    documents, label = components(*columns(edges))
    assert dict(zip(documents.tolist(), label.tolist(), strict=True)) == expected
    assert documents.tolist() == sorted(expected)
    joined = {(smallest, document) for document, smallest in expected.items() if document != smallest}
    (first, second), _ = by_stars(*columns(edges))
    assert {*zip(first.tolist(), second.tolist(), strict=True)} == joined
    first, second = contract(*columns(edges))
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == sorted(joined)


def test_one_round_of_each_star() -> None:
    document, neighbour = both_ways(*columns([(1, 5), (5, 8), (5, 3), (8, 8)]))
    joined = [(1, 5), (1, 8), (3, 5)]
    first, second = large_star(document, neighbour)
    assert [*zip(first.tolist(), second.tolist(), strict=True)] == joined
    first, second = small_star(document, neighbour)
    assert [*zip(first.tolist(), second.tolist(), strict=True)] == [(1, 3), (1, 5), (5, 8)]


def shuffled(first: Documents, second: Documents, seed: int) -> Edges:
    """Give the documents other numbers and the edges another order."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(int(max(first.max(), second.max())) + 1).astype(np.uint64)
    order = rng.permutation(len(first))
    return numbers[first][order], numbers[second][order]


CHAIN = np.arange(10_000, dtype=np.uint64)
LEAVES = np.arange(1, 100_001, dtype=np.uint64)
GRAPHS = {
    "chain": (CHAIN[:-1], CHAIN[1:]),
    "shuffled chain": shuffled(CHAIN[:-1], CHAIN[1:], 1),
    "star": (np.zeros(100_000, np.uint64), LEAVES),
    "star with a large centre": (np.full(100_000, 200_000, np.uint64), LEAVES),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_long_chains_and_large_stars_are_one_cluster(name: str) -> None:
    first, second = GRAPHS[name]
    documents, label = components(first, second)
    assert len(documents) == len(first) + 1
    assert set(label.tolist()) == {int(documents[0])}
    (first, second), rounds = by_stars(first, second)
    assert set(first.tolist()) == {int(documents[0])}
    assert {*first.tolist(), *second.tolist()} == set(documents.tolist())
    assert rounds <= 20


@settings(deadline=None)
@given(EDGES)
@example([(0, 1), (1, 2)])
@example([(1, 0), (2, 1), (2, 0)])
def test_a_document_goes_only_if_a_kept_one_is_its_neighbour(edges: list[tuple[int, int]]) -> None:
    drops = survivors(*columns(edges))
    neighbours: dict[int, set[int]] = defaultdict(set)
    for first, second in edges:
        neighbours[first].add(second)
        neighbours[second].add(first)
    kept: list[int] = []
    expected = {}
    for document in range(26):
        better = [other for other in kept if other in neighbours[document]]
        if better:
            expected[document] = better[0]
        else:
            kept.append(document)
    assert dict(zip(drops.document.tolist(), drops.survivor.tolist(), strict=True)) == expected
    assert drops.document.tolist() == sorted(expected)
    for document, survivor, edge in zip(*(column.tolist() for column in drops), strict=True):
        assert sorted(edges[edge]) == [survivor, document]


@pytest.mark.parametrize(("documents", "edges"), [(50, 20), (1000, 400), (5000, 5000), (300, 5000)])
def test_random_graphs_against_networkx(documents: int, edges: int) -> None:
    graph = networkx.gnm_random_graph(documents, edges, seed=documents)
    expected = {
        document: min(component)
        for component in networkx.connected_components(graph)
        for document in component
        if len(component) > 1
    }
    first, second = columns(list(graph.edges))
    found = components(first, second)
    assert dict(zip(*(column.tolist() for column in found), strict=True)) == expected
    (first, second), _ = by_stars(first, second)
    assert {*zip(second.tolist(), first.tolist(), strict=True)} == {
        (document, label) for document, label in expected.items() if document != label
    }
