"""A source as a stream: every document once an epoch, budgets nested, cuts at the exact token."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mixtures.epochs import TokenStream, document_order, shard_order
from mixtures.rows import cut_rows

shards_of_lengths = st.lists(
    st.lists(st.integers(1, 9), min_size=0, max_size=8), min_size=1, max_size=5
).filter(any)
Token = tuple[int, int, int, int]  # epoch, shard, document, offset


def stream_of(shards: list[list[int]], seed: int = 0, source: str = "books") -> TokenStream:
    return TokenStream(source, seed, tuple(map(sum, shards)))


def tokens(stream: TokenStream, shards: list[list[int]], start: int, stop: int) -> list[Token]:
    read = []
    for part in stream.slices(start, stop):
        pieces = stream.pieces(part, np.array(shards[part.shard], np.int64))
        for document, first, last in zip(*(column.tolist() for column in pieces), strict=True):
            assert first < last
            read += [(part.epoch, part.shard, document, offset) for offset in range(first, last)]
    return read


def test_the_first_epoch_reads_as_it_lies_whatever_the_seed() -> None:
    shards = [[2, 1], [1]]
    expected = [(0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0), (0, 1, 0, 0)]
    for seed in (0, 1):
        assert tokens(stream_of(shards, seed), shards, 0, 4) == expected


def test_a_slice_cuts_its_last_document_at_the_exact_token() -> None:
    stream = stream_of([[3, 3]])
    pieces = stream.pieces(next(stream.slices(1, 5)), np.array([3, 3]))
    assert [column.tolist() for column in pieces] == [[0, 1], [1, 0], [3, 2]]


def test_later_epochs_have_orders_of_their_own() -> None:
    orders = {
        tuple(document_order(50, seed, source, epoch, shard).tolist())
        for seed in (0, 1)
        for source in ("books", "c4")
        for epoch in (1, 2)
        for shard in (0, 1)
    }
    assert len(orders) == 16
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert shard_order(50, 0, "books", 1).tolist() != shard_order(50, 0, "books", 2).tolist()


def test_orders_are_the_same_for_ever() -> None:
    """Written once by this code: a change of these numbers reorders everyone's training data."""
    assert document_order(8, 0, "books", 1, 0).tolist() == [3, 4, 2, 0, 1, 7, 5, 6]
    assert shard_order(8, 7, "c4", 3).tolist() == [5, 0, 3, 4, 6, 1, 2, 7]


@given(shards_of_lengths, st.integers(0, 3), st.floats(0, 3))
def test_each_document_is_read_k_or_k_plus_one_times(
    shards: list[list[int]], seed: int, epochs: float
) -> None:
    stream = stream_of(shards, seed)
    stop = int(epochs * stream.epoch_tokens)
    read = tokens(stream, shards, 0, stop)
    assert len(read) == stop
    assert [token[0] for token in read] == sorted(token[0] for token in read)
    whole, rest = divmod(stop, stream.epoch_tokens)
    times = Counter(token[1:] for token in read)
    assert set(times.values()) <= {whole, whole + 1}
    assert sum(count == whole + 1 for count in times.values()) == rest


@given(shards_of_lengths, st.integers(0, 80), st.integers(0, 80), st.integers(0, 80))
def test_any_cut_of_the_stream_reads_the_same_tokens(shards: list[list[int]], a: int, b: int, c: int) -> None:
    start, middle, stop = sorted((a, b, c))
    stream = stream_of(shards, 3)
    assert tokens(stream, shards, start, middle) + tokens(stream, shards, middle, stop) == tokens(
        stream, shards, start, stop
    )


def test_documents_cut_into_rows() -> None:
    stream = stream_of([[5, 1, 7]])
    pieces = stream.pieces(next(stream.slices(2, 13)), np.array([5, 1, 7]))
    cut = cut_rows(pieces, 2, 4)
    assert cut.rows.tolist() == [0, 1, 1, 1, 2, 3]
    assert cut.offsets.tolist() == [2, 0, 1, 2, 0, 0]
    assert cut.documents.tolist() == [0, 0, 1, 2, 2, 2]
    assert cut.starts.tolist() == [2, 4, 0, 0, 2, 6]
    assert cut.stops.tolist() == [4, 5, 1, 2, 6, 7]


@given(shards_of_lengths, st.integers(1, 7), st.integers(0, 5), st.integers(1, 8))
def test_rows_are_full_and_hold_the_stream(
    shards: list[list[int]], sequence_length: int, first: int, count: int
) -> None:
    stream = stream_of(shards, 1)
    start, stop = first * sequence_length, (first + count) * sequence_length
    position, filled, read = start, Counter[int](), []
    for part in stream.slices(start, stop):
        cut = cut_rows(stream.pieces(part, np.array(shards[part.shard], np.int64)), position, sequence_length)
        for row, place, document, begin, end in zip(*(column.tolist() for column in cut), strict=True):
            assert place == filled[row]
            filled[row] += end - begin
            read += [(part.epoch, part.shard, document, offset) for offset in range(begin, end)]
        position += part.stop - part.start
    assert filled == dict.fromkeys(range(first, first + count), sequence_length)
    assert read == tokens(stream, shards, start, stop)
