// A person's collections: the files of one of them, to upload, download and delete.
import { useCallback, useEffect, useState } from "react";

import { download, files as listed, me, remove, upload } from "./api.js";

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

export function Collections({ token }) {
  const [collections, setCollections] = useState([]);
  const [collection, setCollection] = useState("");
  const [files, setFiles] = useState([]);
  const [asked, setAsked] = useState(null);
  const [result, setResult] = useState(null);

  // What goes wrong is told on the page.
  const attempt = useCallback(async (work) => {
    try {
      return await work();
    } catch (error) {
      setResult({ failed: error.message });
    }
  }, []);
  const refresh = useCallback(async () => collection && setFiles(await listed(token, collection)), [token, collection]);

  useEffect(() => {
    attempt(async () => setCollections(Object.keys((await me(token)).collections ?? {})));
  }, [token, attempt]);
  useEffect(() => {
    attempt(refresh);
  }, [refresh, attempt]);

  const send = (event) => {
    event.preventDefault();
    const form = event.target;
    const { file, metadata } = Object.fromEntries(new FormData(form));
    attempt(async () => {
      setResult(await upload(token, collection, file, metadata.trim() ? JSON.parse(metadata) : {}));
      form.reset();
      await refresh();
    });
  };

  return (
    <>
      <label>
        Collection{" "}
        <select value={collection} onChange={(event) => setCollection(event.target.value)}>
          <option value="">Select one</option>
          {collections.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {collection && (
        <form onSubmit={send}>
          <label>
            File <input type="file" name="file" required />
          </label>
          <label>
            Metadata (JSON) <textarea name="metadata" />
          </label>
          <button type="submit">Upload</button>
        </form>
      )}
      {result && <pre role="status">{JSON.stringify(result, null, 2)}</pre>}
      <table>
        <tbody>
          {files.map((file) => (
            <tr key={file.object_name}>
              <td>{file.original_filename}</td>
              <td>{file.owner}</td>
              <td>{file.size}</td>
              <td>
                <button
                  onClick={() =>
                    attempt(async () =>
                      save(await download(token, collection, file.object_name), file.object_name.split("/").pop()),
                    )
                  }
                >
                  Download
                </button>
                <button onClick={() => setAsked(file.object_name)}>Delete</button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {asked && (
        <div role="alertdialog" aria-label="Delete file?">
          <p>Delete {asked}?</p>
          <button onClick={() => setAsked(null)}>Cancel</button>
          <button
            onClick={() =>
              attempt(async () => {
                setAsked(null);
                await remove(token, collection, asked);
                await refresh();
              })
            }
          >
            Confirm
          </button>
        </div>
      )}
    </>
  );
}
