"""Similar tracks in Python.

from tonewheel import similar

index = similar.Index.open("music.index")
answer = index.find("demo.wav", k=10)
for match in answer.matches:
    print(match.rank, match.title, match.similarity, match.why.words)
"""

from tonewheel.systems.similar.api import Index
from tonewheel.systems.similar.filters import Filters
from tonewheel.systems.similar.find import Answer, Found
from tonewheel.systems.similar.styles import Membership
from tonewheel.systems.similar.travel import Step
from tonewheel.systems.similar.why import Why

__all__ = ["Answer", "Filters", "Found", "Index", "Membership", "Step", "Why"]
