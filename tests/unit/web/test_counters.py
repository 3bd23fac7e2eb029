"""What stands in the token counter and under the prompt box."""

from __future__ import annotations

from modules.studio.counting import Count
from modules.web.counters import shown, under


def test_nothing_amiss() -> None:
    assert shown(Count(12)) == "<span>12/75</span>"
    assert under(Count(12)) == ""


def test_remarks_make_it_red_and_are_read_below() -> None:
    count = Count(3, 75, (), ('Brackets: 1 × "<"',))
    assert shown(count) == '<span class="error" title="Brackets: 1 × &quot;&lt;&quot;">3/75</span>'
    assert under(count) == '<p class="remark">Brackets: 1 × &quot;&lt;&quot;</p>'
    assert ">?</span>" in shown(Count(None, remarks=("bad",)))


def test_borders() -> None:
    count = Count(151, 225, ("a <b>", ""))
    assert 'title="Chunk 1 ends: … a &lt;b&gt;\nChunk 2 ends: … (empty)"' in shown(count)
    assert "<b>1</b> … a &lt;b&gt;</span>" in under(count) and "<b>2</b> … (empty)</span>" in under(count)
