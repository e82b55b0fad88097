"""Laws of finding what lies over a stretch of time: exact at every edge."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from unisync_post.plan.exact import Moment
from unisync_post.plan.intervals import Intervals

MOMENTS: st.SearchStrategy[Moment] = st.one_of(
    st.integers(-6, 6),
    st.builds(Fraction, st.integers(-30, 30), st.sampled_from((2, 3, 1001, 48_000))),
)
SPANS = st.tuples(MOMENTS, MOMENTS).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(SPANS, max_size=12), SPANS)
def test_over_finds_what_shares_a_moment_and_nothing_else(
    spans: list[tuple[Moment, Moment]], asked: tuple[Moment, Moment]
) -> None:
    given_spans = [(start, end, index) for index, (start, end) in enumerate(spans)]
    first, last = asked
    expected = [
        (start, end, index)
        for start, end, index in sorted(given_spans, key=lambda span: (span[0], span[1]))
        if start < last and (end > first or start == end == first)
    ]

    assert Intervals(given_spans).over(first, last) == expected
