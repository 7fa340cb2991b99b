"""Taking snapshots in as a user could write it: FastAPI, `json.loads`, a commit for each, no checks.

    python plain_service.py DATABASE SOCKET

The socket, by its number, listens already. It is what `benchmarks/ingest.py` is measured against.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import sys

import uvicorn
from fastapi import FastAPI, Request

service = FastAPI()
table = sqlite3.connect(sys.argv[1], check_same_thread=False)
table.execute("PRAGMA journal_mode=WAL")
table.execute("PRAGMA synchronous=FULL")
table.execute("CREATE TABLE snapshots (id TEXT PRIMARY KEY, payload TEXT)")


@service.post("/stem-separation")
async def take(request: Request) -> dict[str, str]:
    values = json.loads(await request.body())
    table.execute("INSERT OR IGNORE INTO snapshots VALUES (?, ?)", (values["id"], json.dumps(values)))
    table.commit()
    return {"id": values["id"]}


if __name__ == "__main__":
    settings = uvicorn.Config(service, log_level="warning", access_log=False)
    uvicorn.Server(settings).run(sockets=[socket.socket(fileno=int(sys.argv[2]))])
