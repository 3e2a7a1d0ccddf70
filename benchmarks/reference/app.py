"""The reference: one FastAPI application with SQLAlchemy's ORM, in one process.

The same tables, keys and guarantees as Enrol's: all or nothing, and on disk before it answers.
Tuned as its parts allow: the body goes to pydantic's core as bytes, rows through the ORM's bulk
insert, answers through orjson.
``ENROL_DATABASE=FILE_OR_URL python -m benchmarks.reference.app --port 8001 --key KEY``.
"""

import argparse
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Annotated

import orjson
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from benchmarks.reference.checks import Batch
from benchmarks.reference.stores import Keys, open_store


@asynccontextmanager
async def _opened(app: FastAPI) -> AsyncIterator[None]:
    app.state.store = open_store(os.environ["ENROL_DATABASE"])
    app.state.keys = Keys(app.state.store)
    await app.state.store.open(app.state.key)
    yield


app = FastAPI(lifespan=_opened)


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def _caller(request: Request) -> tuple[str, str]:
    """The hash of the caller's key and its project."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key_hash = sha256(key.encode()).hexdigest()
    project = await request.app.state.keys.project_of(key_hash) if scheme == "Bearer" else None
    if project is None:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    return key_hash, project


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/customers/batch")
async def create_customers(
    request: Request, caller: Annotated[tuple[str, str], Depends(_caller)]
) -> Response:
    try:
        batch = Batch.model_validate_json(await request.body())
    except ValidationError as error:
        return _json({"errors": error.errors(include_input=False, include_context=False)}, 422)
    if batch.cms_project_id != caller[1]:
        raise HTTPException(403)
    try:
        ids = await request.app.state.store.enrol(batch, caller[0])
    except IntegrityError:
        return _json({"detail": "A customer with this wallet, DID or sub exists."}, 409)
    return _json(ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True, help="a key to the project `bench`")
    ask = parser.parse_args()
    app.state.key = ask.key
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # a batch makes tens of thousands of objects, and no cycles
    # uvicorn takes uvloop and httptools by itself where they are installed, as they are here.
    uvicorn.run(app, port=ask.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
