"""Songs, concerts and crowd noise made by code, with exact labels (tempo, key, sections, chords, drum events,
stems).
"""
