"""What people's use teaches: a service that takes it in, a store that keeps it, clients that send it.

Nothing here is audio. A contribution of a kind (`kinds.py`) is checked, its id is replaced by a pseudonym under a
key that stays on this machine (`core.pseudonyms`), and it is on disk before it is acknowledged (`writer.py`,
`store.py`). Everything that is kept about one id can be listed, exported and deleted.

Read: kinds -> store -> writer -> service -> serve; the clients are `client.py` and `browser/`.
"""
