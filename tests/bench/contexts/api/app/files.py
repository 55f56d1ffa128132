"""Upload, list, download, delete. Whole files pass through memory (STUF.md, row 4)."""

import json
from datetime import datetime
from typing import Annotated

import storage
from fastapi import APIRouter, Depends, File, Form, HTTPException, UploadFile
from fastapi.responses import Response
from identity import Principal, principal
from minio.error import S3Error

router = APIRouter()
Who = Annotated[Principal, Depends(principal)]


def _demand(who: Principal, permission: str, collection: str) -> None:
    if not who.may(permission, collection):
        raise HTTPException(403, f"You don't have {permission} access to collection: {collection}")


def _full_name(collection: str, name: str) -> str:
    return name if name.startswith(f"{collection}/") else f"{collection}/{name}"


def _parts(name: str) -> tuple[str, str, str, str]:
    """Collection, owner, time and file name as the real API guesses them from a key."""
    pieces = name.split("/")
    if len(pieces) < 3:
        return pieces[0], "unknown", "unknown", pieces[-1]
    stamp, dash, filename = pieces[2].partition("-")
    return pieces[0], pieces[1], stamp if dash else "unknown", filename if dash else pieces[2]


@router.post("/{collection}")
async def upload(
    collection: str, who: Who, file: Annotated[UploadFile, File()], metadata: Annotated[str, Form()] = "{}"
) -> dict[str, object]:
    """Stores a file under `{collection}/{name}/{time}-{file name}`, with who and when as user metadata."""
    _demand(who, "write", collection)
    try:
        pairs = json.loads(metadata)
    except ValueError:
        pairs = {}
    if not isinstance(pairs, dict) or (not pairs and metadata != "{}"):
        raise HTTPException(400, "Invalid metadata JSON format")
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    filename = file.filename or "unknown"
    name = f"{collection}/{who.name}/{stamp}-{filename}"
    kept = {
        "uploader": who.name,
        "upload_time": stamp,
        "collection": collection,
        "original_filename": filename,
        **pairs,
    }
    data = await file.read()
    try:
        storage.put(
            name,
            data,
            file.content_type or "application/octet-stream",
            {str(key): str(value) for key, value in kept.items() if value is not None},
        )
    except Exception as error:
        raise HTTPException(500, f"Storage error during upload: Failed to store file: {error}") from error
    return {
        "status": "success",
        "message": "File uploaded successfully",
        "object_name": name,
        "collection": collection,
        "metadata": kept,
    }


@router.get("/{collection}")
def list_files(collection: str, who: Who) -> dict[str, object]:
    """Every file of a collection."""
    _demand(who, "read", collection)
    try:
        found = storage.listing(f"{collection}/")
    except Exception as error:
        raise HTTPException(500, f"Storage error during listing: Failed to list files: {error}") from error
    files = []
    for item in found:
        part, owner, stamp, filename = _parts(str(item["name"]))
        modified = item["modified"]
        files.append(
            {
                "object_name": item["name"],
                "collection": part,
                "owner": owner,
                "original_filename": filename,
                "upload_time": stamp,
                "content_type": "application/octet-stream",
                "size": item["size"],
                "metadata": {"last_modified": modified.isoformat() if isinstance(modified, datetime) else None},
            }
        )
    return {"status": "success", "message": None, "collection": collection, "files": files}


@router.get("/{collection}/{object_name:path}")
def download(collection: str, object_name: str, who: Who) -> Response:
    """A whole file from memory."""
    _demand(who, "read", collection)
    name = _full_name(collection, object_name)
    try:
        data, metadata, content_type = storage.get(name)
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise HTTPException(404, f"File not found: File not found: {name}") from error
        raise HTTPException(500, f"Storage error during download: Failed to retrieve file: {error}") from error
    except Exception as error:
        raise HTTPException(500, f"Storage error during download: Failed to retrieve file: {error}") from error
    # The real API asks for a key without S3's `x-amz-meta-` prefix, so the name out of the object's own name wins.
    original = metadata.get("original_filename") or _parts(name)[3] or object_name.rsplit("/", 1)[-1] or "download"
    try:
        return Response(
            data, media_type=content_type, headers={"Content-Disposition": f"attachment; filename={original}"}
        )
    except UnicodeEncodeError as error:
        # A header holds Latin-1 only: a file name beyond it cannot be downloaded from the real API either.
        raise HTTPException(500, "Internal Server Error") from error


@router.delete("/{collection}/{object_name:path}")
def delete(collection: str, object_name: str, who: Who) -> dict[str, str]:
    """Deletes a file that is there."""
    _demand(who, "delete", collection)
    name = _full_name(collection, object_name)
    try:
        if not storage.exists(name):
            raise HTTPException(404, f"File not found: File not found: {name}")
        storage.delete(name)
    except HTTPException:
        raise
    except Exception as error:
        raise HTTPException(500, f"Storage error during deletion: Failed to delete file: {error}") from error
    return {"status": "success", "message": "File deleted successfully"}
