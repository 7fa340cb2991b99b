"""What is kept, in SQLite and in PostgreSQL; what was acknowledged survives kill -9; what was deleted is gone."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.pseudonyms import KEY_FILE
from tonewheel.feedback.kinds import Contribution
from tonewheel.feedback.store import FILE, PAGE, Store

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL server that lives as long as the tests; skipped, visibly, where there is none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'tonewheel[postgresql]'")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    initdb, postgres = shutil.which("initdb", path=programs), shutil.which("postgres", path=programs)
    if initdb is None or postgres is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    # It refuses to run as root, and its sockets want a short path.
    as_user = {"user": "nobody"} if os.getuid() == 0 else {}
    home = Path("/tmp") / f"tonewheel-pg-{os.getpid()}"
    home.mkdir()
    try:
        if as_user:
            shutil.chown(home, "nobody")
        data = str(home / "data")
        made = subprocess.run(
            [initdb, "-D", data, "-U", "tonewheel", "-A", "trust", "--no-sync"],
            capture_output=True,
            text=True,
            cwd=home,
            **as_user,  # type: ignore[call-overload]
        )
        if made.returncode:
            pytest.skip(f"initdb: {made.stderr.strip()[-200:]}")
        server = subprocess.Popen(
            [postgres, "-D", data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={home}"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=home,
            **as_user,  # type: ignore[call-overload]
        )
        try:
            assert server.stderr is not None
            next(line for line in server.stderr if "ready to accept connections" in line)
            reader = threading.Thread(target=server.stderr.read)
            reader.start()
            yield f"postgresql://tonewheel@/postgres?host={home}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)
            reader.join()
            server.stderr.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with Store(tmp_path / "store", url) as store:
        store.delete(before_ms=2**60)
        yield store


def contribution(number: int, payload: str = '{"a":1}', kind: str = "stems") -> Contribution:
    return Contribution(kind, f"pseudonym-{number}", payload)


def test_the_first_of_an_id_stays(any_store: Store) -> None:
    first = any_store.put([contribution(1), contribution(2), contribution(1), contribution(1, '{"a":2}')])
    assert first == ["stored", "stored", "known", "differs"]
    again = any_store.put(
        [contribution(1), contribution(2, "{}"), contribution(3), contribution(1, kind="other")]
    )
    assert again == ["known", "differs", "stored", "stored"]
    assert {(one.kind, one.pseudonym, one.payload) for one in any_store.read()} == {
        *(("stems", f"pseudonym-{number}", '{"a":1}') for number in (1, 2, 3)),
        ("other", "pseudonym-1", '{"a":1}'),
    }
    assert any_store.count() == {"stems": 3, "other": 1}


def test_what_is_kept_about_an_id_is_found_and_deleted(any_store: Store) -> None:
    own = any_store.pseudonyms.of
    any_store.put([Contribution("stems", own(f"ID-{n}"), json.dumps({"n": n})) for n in range(5)])
    found = [one.payload for one in any_store.read(ids=["id-3", own("ID-1"), "id-9"])]
    assert sorted(found) == ['{"n": 1}', '{"n": 3}']
    assert list(any_store.read("confirmations", ids=["ID-3"])) == []
    assert any_store.delete(["ID-3", own("id-1"), "id-9"]) == 2
    assert any_store.delete(["ID-3"]) == 0
    assert any_store.count() == {"stems": 3}
    assert any_store.put([Contribution("stems", own("ID-3"), "{}")]) == ["stored"]
    with pytest.raises(ValueError, match="delete everything"):
        any_store.delete()


def test_a_large_store_is_read_in_pages_and_in_order(any_store: Store) -> None:
    many = [contribution(number) for number in range(2 * PAGE + 1)]
    for start in range(0, len(many), 100):
        any_store.put(many[start : start + 100])
    numbers = [one.number for one in any_store.read()]
    assert len(numbers) == len(many)
    assert numbers == sorted(set(numbers))


def test_two_services_may_share_a_store(any_store: Store, tmp_path: Path, request: Any) -> None:
    name = request.node.callspec.params["any_store"]
    url = request.getfixturevalue("postgresql") if name == "postgresql" else None
    with Store(tmp_path / "store", url) as other, concurrent.futures.ThreadPoolExecutor(4) as pool:
        turns = [
            pool.submit(store.put, [contribution((17 * turn + n) % 60) for n in range(20)])
            for turn in range(20)
            for store in (any_store, other)
        ]
        outcomes = [outcome for turn in turns for outcome in turn.result()]
    assert (outcomes.count("stored"), outcomes.count("known")) == (60, 740)
    assert any_store.count() == {"stems": 60}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), max_size=8), max_size=6)
)
def test_a_store_is_a_dictionary_that_never_changes_its_mind(
    store: Store, batches: list[list[tuple[int, str]]]
) -> None:
    store.delete(before_ms=2**60)
    model: dict[str, str] = {}
    for batch in batches:
        wanted = []
        for number, payload in batch:
            key = f"pseudonym-{number}"
            wanted.append("stored" if key not in model else "known" if model[key] == payload else "differs")
            model.setdefault(key, payload)
        assert store.put([contribution(*one) for one in batch]) == wanted
    assert {one.pseudonym: one.payload for one in store.read()} == model


def test_what_is_deleted_is_in_no_file_any_more(store: Store) -> None:
    secret = "b7e151628aed2a6abf7158809cf4f3c7"
    store.put(
        [contribution(n, json.dumps({"n": n, "text": secret if n == 3 else "x" * 32})) for n in range(50)]
    )
    files = [path for path in store.folder.iterdir() if secret.encode() in path.read_bytes()]
    assert files, "the test looks for what is there"
    store.delete(["pseudonym-3"])
    assert not [path for path in store.folder.iterdir() if secret.encode() in path.read_bytes()]


def test_a_store_is_for_its_owner_only(store: Store) -> None:
    store.put([contribution(1)])
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    for path in store.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_sqlite_is_told_to_wait_for_the_disk(store: Store) -> None:
    # What the promise about power cuts stands on; a kill alone would not show the difference.
    store.put([contribution(1)])
    with store._engine.connect() as connection:
        settings_ = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete")
        }
    assert settings_ == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}


def test_another_key_finds_nothing(store: Store, tmp_path: Path) -> None:
    store.put([Contribution("stems", store.pseudonyms.of("an id"), "{}")])
    shutil.copy(store.folder / FILE, tmp_path)
    with Store(tmp_path) as other:
        assert list(other.read(ids=["an id"])) == []
        assert list(store.read(ids=["an id"])) != []


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "://"])
def test_a_database_that_cannot_be_one_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(TonewheelError):
        Store(tmp_path / "store", url)


def test_trouble_with_a_store_is_one_line_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no store"):
        Store(tmp_path / "none", make=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a store is a folder"):
        Store(tmp_path / "file")
    with Store(tmp_path / "store"):
        pass
    (tmp_path / "store" / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(TonewheelError, match="not a database") as caught:
        Store(tmp_path / "store")
    assert "\n" not in str(caught.value)
    (tmp_path / "store" / KEY_FILE).write_text("short")
    with pytest.raises(InputError, match="holds no key"):
        Store(tmp_path / "store")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'tonewheel[postgresql]'")
    with pytest.raises(TonewheelError) as caught:
        Store(tmp_path / "other", "postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`tonewheel stems ingest` as a process of its own, and its URL."""
    command = [sys.executable, "-m", "tonewheel", "stems", "ingest", "--port", "0", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


def test_a_kill_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, snapshot: Make) -> None:
    headers = {"Content-Type": "text/plain"}
    acknowledged: list[str] = []
    enough = threading.Event()

    def send(url: str) -> None:
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)) as connection,
        ):
            while True:
                one = snapshot()
                connection.request("POST", urlsplit(url).path, json.dumps(one), headers)
                response = connection.getresponse()
                response.read()
                assert response.status == 201
                acknowledged.append(one["id"])
                if len(acknowledged) > 100:
                    enough.set()

    with (
        started("--store", str(tmp_path / "store"), "--rate", "0") as (process, url),
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        senders = [pool.submit(send, url) for _ in range(8)]
        assert enough.wait(60)
        process.kill()
        for sender in senders:
            sender.result(30)
        assert process.wait() == -signal.SIGKILL
    with closing(sqlite3.connect(tmp_path / "store" / FILE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Store(tmp_path / "store") as store:
        kept = {one.pseudonym for one in store.read()}
        assert {store.pseudonyms.of(own_id) for own_id in acknowledged} <= kept
        assert len(kept) <= len(acknowledged) + 8, "at most one more a sender, whose answer was cut off"
    # The next one goes on where this one was killed.
    with started("--store", str(tmp_path / "store")) as (process, _):
        process.terminate()
        assert process.wait(30) == 0
