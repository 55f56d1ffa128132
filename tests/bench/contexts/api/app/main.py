"""Stand-in for the STUF API: its routes and no others."""

from typing import Annotated

import files
from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from identity import User, user_only

app = FastAPI(title="STUF API", version="0.1.0")
app.add_middleware(
    CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
)
app.include_router(files.router, prefix="/api/files")


@app.get("/api/health")
def health() -> dict[str, str]:
    """Says healthy whatever the state of storage and identity (STUF.md, row 5)."""
    return {"status": "healthy", "service": "stuf-api"}


@app.get("/api/info")
def info() -> dict[str, str]:
    """Name and version."""
    return {"name": "STUF API", "version": "0.1.0", "description": "Secure Transfer Upload Facility API"}


@app.get("/api/me")
def me(user: Annotated[User, Depends(user_only)]) -> dict[str, object]:
    """Who the token says one is."""
    return user.shown()
