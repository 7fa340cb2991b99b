"""The licence rule on every string of the shared index, and on strings made to fool it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.manifest.licence import classify

ALLOWED = """
Attribution Creative Commons license (OpenAIR)
Attribution Share Alike Creative Commons license (OpenAIR)
BSD-3-Clause
CC-Attribution
CC-BY
CC-BY (joedeshon, freesound 119028)
CC-BY / MIT
CC-BY-2.0-UK
CC-BY-3.0
CC-BY-3.0 (OLPC Berklee)
CC-BY-3.0/CC-BY-SA-3.0/4.0 (ATTRIBUTIONS.md)
CC-BY-3.0/CC-BY-SA-3.0/CC0 (LICENSE_MUSIC.md)
CC-BY-4.0
CC-BY-SA-2.5
CC-BY-SA-3.0
CC-BY-SA-3.0/CC-BY-3.0/CC0 (LICENSES.txt)
CC-BY-SA-3.0/CC-BY/CC0 per file (copyright_data.csv)
CC-BY-SA-4.0
CC-BY/CC-BY-SA/CC0 (COPYING/AUTHORS)
CC0
CC0 (SoundsExciting, freesound 365132)
CC0-1.0
CC0-1.0 (freesound, README)
CC0/CC-BY-3.0/CC-BY-SA-3.0/4.0 per file (LICENSE.md)
Public Domain (soundbible 1664)
Public Domain Creative Commons license (OpenAIR)
Public domain, https://www.nps.gov/aboutus/disclaimer.htm
royalty-free any use (Voxengo)
CC BY-SA 3.0
CC BY 4.0
https://creativecommons.org/licenses/by/4.0/
https://creativecommons.org/publicdomain/zero/1.0/
Creative Commons Attribution-ShareAlike 4.0 International
Creative Commons Attribution 3.0 Unported
""".strip().splitlines()

EVALUATION_ONLY = """
Attribution Non-commercial Share Alike Creative Commons license (OpenAIR)
GPL-2+ (ADT)
CC BY-NC-SA 4.0
CC-BY-ND
cc by nc
CC_BY_NC_3.0
Creative Commons Attribution-NonCommercial 4.0
Creative Commons Attribution-NoDerivs 3.0
https://creativecommons.org/licenses/by-nc-sa/4.0/
https://creativecommons.org/licenses/by-nd/4.0/
free for non commercial use
CC0/CC-BY-NC per file
CC BY-NC / GPL-3.0
GPLv3
AGPL-3.0-only
LGPL-2.1
GNU General Public License v2
""".strip().splitlines()

UNKNOWN = """
GPL-3/CC
GPL-3.0+ / CC (LICENSES)
CC0/CC-BY/GPL-3.0
GPL-2.0+/CC-BY-SA-3.0 (doc/AUTHORS)
CC (MicIRP / Xaudia.com)
CC (see attribution.txt) (OpenAIR)
Creative Commons
all rights reserved
CC BY? no: all rights reserved
Copyright 1999 Nancy Mitchell
see LICENSE
BYMIT
unlicensed
""".strip().splitlines()


@pytest.mark.parametrize("text", ALLOWED)
def test_open_licences_may_train(text: str) -> None:
    found = classify(text)
    assert found.use == "allowed", found.reason
    assert found.names


@pytest.mark.parametrize("text", EVALUATION_ONLY)
def test_closed_licences_are_for_evaluation_only(text: str) -> None:
    assert classify(text).use == "evaluation-only"


@pytest.mark.parametrize("text", [*UNKNOWN, "", "   "])
def test_what_is_not_clear_is_unknown(text: str) -> None:
    assert classify(text).use == "unknown"


def test_every_string_of_the_shared_index_is_listed_above(shared_audio: Path) -> None:
    with (shared_audio / "music" / "index.csv").open(encoding="utf-8") as lines:
        texts = {row["license"] for row in csv.DictReader(lines)}
    listed = set(ALLOWED) | set(EVALUATION_ONLY) | set(UNKNOWN)
    whole_sentences = {text for text in texts - listed if len(text) > 60}
    assert texts - listed == whole_sentences
    # Four test tracks carry their whole credit line, cut at some length.
    assert len(whole_sentences) == 4
    assert {classify(text).use for text in whole_sentences} == {"allowed"}


@given(st.text(), st.sampled_from([" BY-NC ", " NonCommercial ", " by-nd/"]), st.text())
def test_no_words_around_it_make_noncommercial_train(before: str, closed: str, after: str) -> None:
    assert not classify(before + closed + after).may_train


@given(st.text(max_size=300))
def test_any_text_is_answered_with_a_reason(text: str) -> None:
    assert classify(text).reason
