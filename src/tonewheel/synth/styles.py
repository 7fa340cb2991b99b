"""What tells a rock song from a folk song: ranges and choices, as one record a style."""

from __future__ import annotations

from tonewheel.core.records import Record


class Style(Record):
    """Ranges from which songs of one style are drawn; tempi in beats a minute, families name instruments."""

    tempo_bpm: tuple[float, float]
    metres: tuple[str, ...] = ("4/4",)
    modes: tuple[str, ...] = ("major", "minor")
    swing: tuple[float, float] = (0.5, 0.52)
    groove: tuple[str, ...] = ("rock",)
    drums: float = 1.0
    kits: tuple[str, ...] = ("acoustic",)
    bass: tuple[str, ...] = ("bass_electric",)
    bass_lines: tuple[str, ...] = ("eighths", "roots", "syncopated")
    harmony: tuple[str, ...] = ("piano",)
    comping: tuple[str, ...] = ("block", "strum")
    lead: tuple[str, ...] = ("sung",)
    pad: tuple[str, ...] = ("strings", "warm_pad")
    arp: tuple[str, ...] = ("pluck_synth",)
    pad_chance: float = 0.5
    arp_chance: float = 0.4
    sevenths: float = 0.15
    melody_density: tuple[float, float] = (0.35, 0.65)
    humanise_ms: float = 8.0
    reverb_s: tuple[float, float] = (0.6, 1.8)
    duck: float = 0.0
    form: tuple[str, ...] = ("pop",)


STYLES: dict[str, Style] = {
    "rock": Style(tempo_bpm=(95, 160), modes=("major", "minor", "mixolydian", "dorian"), groove=("rock", "half_time"),
                  harmony=("guitar_distorted", "guitar_distorted", "guitar_clean", "organ"), comping=("power", "strum", "chug"),
                  lead=("sung", "sung", "guitar_lead"), pad=("organ", "strings"), arp=("guitar_clean",), pad_chance=0.35),
    "metal": Style(tempo_bpm=(100, 180), modes=("minor", "phrygian", "harmonic_minor"), groove=("metal", "half_time"),
                   harmony=("guitar_distorted",), comping=("chug", "power"), lead=("guitar_lead", "sung"), pad=("choir",),
                   arp=("guitar_lead",), pad_chance=0.3, melody_density=(0.45, 0.8)),
    "pop": Style(tempo_bpm=(88, 132), groove=("rock", "pop", "four_floor"), kits=("acoustic", "electronic"),
                 bass=("bass_electric", "bass_synth"), harmony=("piano", "epiano", "guitar_acoustic", "pluck_synth"),
                 comping=("block", "offbeat", "strum", "broken"), lead=("sung",), pad=("warm_pad", "supersaw", "strings"),
                 arp=("pluck_synth", "guitar_clean", "bell"), pad_chance=0.7),
    "ballad": Style(tempo_bpm=(60, 84), metres=("4/4", "4/4", "6/8", "3/4"), groove=("ballad",), harmony=("piano", "epiano",
                    "guitar_acoustic"), comping=("broken", "block"), lead=("sung", "sung", "reed", "flute"), pad=("strings",
                    "warm_pad"), pad_chance=0.9, bass_lines=("roots", "roots_fifths"), reverb_s=(1.4, 2.8),
                    melody_density=(0.25, 0.5), humanise_ms=13, sevenths=0.4),
    "house": Style(tempo_bpm=(116, 136), modes=("minor", "dorian", "minor"), groove=("four_floor",), kits=("electronic",),
                   bass=("bass_synth", "bass_sub"), bass_lines=("offbeat", "syncopated", "eighths"), harmony=("supersaw", "organ",
                   "epiano", "pluck_synth"), comping=("stab", "offbeat", "block"), lead=("saw_lead", "sung", "pluck_synth"),
                   pad=("warm_pad", "supersaw"), arp=("pluck_synth", "square_lead"), arp_chance=0.8, pad_chance=0.8,
                   humanise_ms=1.5, sevenths=0.4, duck=0.6, form=("club",)),
    "trance": Style(tempo_bpm=(128, 145), modes=("minor",), groove=("four_floor",), kits=("electronic",), bass=("bass_synth",),
                    bass_lines=("offbeat", "rolling"), harmony=("supersaw",), comping=("stab", "block"), lead=("saw_lead",
                    "supersaw"), pad=("warm_pad", "choir"), arp=("pluck_synth", "saw_lead"), arp_chance=1.0, pad_chance=1.0,
                    humanise_ms=0.5, duck=0.7, reverb_s=(1.5, 3.0), form=("club",)),
    "hiphop": Style(tempo_bpm=(70, 100), modes=("minor", "dorian", "phrygian"), swing=(0.52, 0.62), groove=("hiphop", "trap"),
                    kits=("electronic", "lofi"), bass=("bass_sub", "bass_electric"), bass_lines=("syncopated", "roots"),
                    harmony=("epiano", "piano", "guitar_clean", "bell"), comping=("block", "broken", "stab"), lead=("sung",
                    "flute", "bell", "square_lead"), pad=("strings", "warm_pad"), sevenths=0.6, humanise_ms=10),
    "funk": Style(tempo_bpm=(92, 122), modes=("dorian", "mixolydian", "minor"), swing=(0.5, 0.57), groove=("funk",),
                  bass_lines=("syncopated", "octaves"), harmony=("guitar_clean", "epiano", "organ"), comping=("scratch", "stab"),
                  lead=("brass", "sung", "reed"), pad=("brass", "strings"), arp=("guitar_clean",), sevenths=0.7),
    "jazz": Style(tempo_bpm=(80, 178), metres=("4/4", "4/4", "3/4"), modes=("major", "dorian", "minor"), swing=(0.6, 0.67),
                  groove=("swing",), bass=("bass_upright",), bass_lines=("walking",), harmony=("piano", "guitar_clean", "organ"),
                  comping=("stab", "block"), lead=("reed", "brass", "flute", "sung"), pad_chance=0.1, arp_chance=0.0,
                  sevenths=0.95, melody_density=(0.4, 0.75), humanise_ms=14, form=("aaba",)),
    "folk": Style(tempo_bpm=(76, 140), metres=("4/4", "3/4", "6/8"), modes=("major", "minor", "dorian", "mixolydian"),
                  groove=("folk",), drums=0.45, kits=("acoustic", "hand"), bass=("bass_upright", "bass_electric"),
                  bass_lines=("roots_fifths", "roots"), harmony=("guitar_acoustic", "harpsichord", "accordion"),
                  comping=("strum", "broken", "oompah"), lead=("sung", "flute", "fiddle", "accordion"), pad=("strings",
                  "accordion"), arp=("guitar_acoustic", "mallet"), pad_chance=0.25, humanise_ms=13, form=("aaba", "pop")),
    "country": Style(tempo_bpm=(84, 150), modes=("major", "mixolydian"), swing=(0.5, 0.6), groove=("train", "rock"),
                     bass_lines=("roots_fifths",), bass=("bass_upright", "bass_electric"), harmony=("guitar_acoustic", "piano"),
                     comping=("strum", "oompah"), lead=("sung", "fiddle", "guitar_clean"), arp=("guitar_acoustic",)),
    "reggae": Style(tempo_bpm=(66, 92), modes=("major", "minor", "dorian"), swing=(0.52, 0.6), groove=("one_drop",),
                    bass_lines=("syncopated", "roots"), harmony=("guitar_clean", "organ", "piano"), comping=("offbeat",),
                    lead=("sung", "brass", "reed"), pad=("organ",)),
    "latin": Style(tempo_bpm=(88, 136), modes=("major", "minor", "harmonic_minor"), groove=("bossa", "latin"),
                   kits=("acoustic", "hand"), bass=("bass_upright", "bass_electric"), bass_lines=("roots_fifths", "syncopated"),
                   harmony=("guitar_acoustic", "piano"), comping=("syncopated", "broken"), lead=("sung", "flute", "brass"),
                   arp=("mallet", "guitar_acoustic"), sevenths=0.6, humanise_ms=11),
    "orchestral": Style(tempo_bpm=(60, 140), metres=("4/4", "3/4", "6/8"), modes=("major", "minor", "harmonic_minor", "lydian"),
                        groove=("timpani",), drums=0.55, kits=("orchestral",), bass=("cello",), bass_lines=("roots", "eighths"),
                        harmony=("strings", "strings", "harp"), comping=("block", "broken", "ostinato"), lead=("fiddle", "flute",
                        "brass", "reed", "choir"), pad=("strings", "brass", "choir"), arp=("harp", "mallet"), pad_chance=1.0,
                        arp_chance=0.6, humanise_ms=16, reverb_s=(1.8, 3.2)),
    "chiptune": Style(tempo_bpm=(110, 178), modes=("major", "minor", "dorian", "mixolydian"), groove=("rock", "four_floor"),
                      kits=("chip",), bass=("chip_triangle",), bass_lines=("eighths", "octaves", "rolling"), harmony=("chip_pulse",),
                      comping=("chip_arp", "stab"), lead=("chip_pulse",), pad_chance=0.0, arp=("chip_pulse",), arp_chance=0.5,
                      melody_density=(0.5, 0.85), humanise_ms=0.0, reverb_s=(0.1, 0.4)),
    "synthwave": Style(tempo_bpm=(80, 118), modes=("minor", "dorian"), groove=("rock", "four_floor"), kits=("electronic",),
                       bass=("bass_synth",), bass_lines=("rolling", "eighths", "octaves"), harmony=("warm_pad", "supersaw", "epiano"),
                       comping=("block", "stab"), lead=("saw_lead", "square_lead", "sung"), pad=("warm_pad", "supersaw"),
                       arp=("pluck_synth", "square_lead"), arp_chance=0.9, pad_chance=0.9, humanise_ms=1.0, reverb_s=(1.2, 2.8)),
    "ambient": Style(tempo_bpm=(60, 96), metres=("4/4", "3/4"), modes=("lydian", "major", "minor", "dorian"), groove=("ballad",),
                     drums=0.25, kits=("electronic", "lofi"), bass=("bass_sub", "cello"), bass_lines=("roots",),
                     harmony=("warm_pad", "epiano", "harp"), comping=("block", "broken"), lead=("bell", "flute", "choir", "piano"),
                     pad=("warm_pad", "choir", "strings"), arp=("mallet", "bell", "harp"), arp_chance=0.7, pad_chance=1.0,
                     melody_density=(0.12, 0.35), sevenths=0.5, humanise_ms=15, reverb_s=(2.2, 4.0)),
    "piano": Style(tempo_bpm=(60, 150), metres=("4/4", "3/4", "6/8"), modes=("major", "minor", "harmonic_minor"),
                   groove=("folk",), drums=0.0, bass=("piano",), bass_lines=("roots_fifths", "octaves", "eighths"),
                   harmony=("piano",), comping=("broken", "block", "oompah"), lead=("piano",), pad_chance=0.0, arp_chance=0.0,
                   melody_density=(0.35, 0.8), sevenths=0.3, humanise_ms=16, reverb_s=(0.8, 2.2), form=("aaba", "pop")),
}
