"""The chapter finds songs of the new one's style, keeps its copy out of lists, and says the same twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonewheel.systems import Chapter
from tonewheel.systems.similar import demo
from tonewheel.systems.similar.api import Index

SMALL = ("trance", "piano")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chapter, Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "SECONDS", 12.0)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("chapter")
        return demo.chapter(folder, 1, SMALL, songs=3), folder


def test_the_list_is_of_the_new_songs_style(told: tuple[Chapter, Path]) -> None:
    chapter, folder = told
    assert chapter.found
    style = chapter.lines[0].split()[2]
    assert style in SMALL
    assert style in chapter.lines[1]
    index = Index.open(folder / "shelf.index")
    assert len(index) == 7
    assert index.find(f"{style} 1.flac").same == (f"{style} 1 again.mp3", f"{style} 1.flac")


def test_the_page_has_a_map_and_sounds_and_no_foreign_markup(told: tuple[Chapter, Path]) -> None:
    page = "".join(told[0].sections)
    assert page.count("<audio") == 6
    assert page.count("<img") == 1
    assert "<script" not in page
