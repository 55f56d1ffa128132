// Asks the API as the real application does: names stand in the address as they are, and JSON is read whoever wrote it.
import { configuration } from "./configuration.js";

async function request(token, path, options = {}) {
  const headers = { Authorization: `Bearer ${token}` };
  if (!(options.body instanceof FormData)) headers["Content-Type"] = "application/json";
  const response = await fetch(`${configuration.apiBaseUrl}${path}`, { ...options, headers });
  const json = response.headers.get("content-type")?.includes("application/json");
  if (!response.ok) {
    const { message, detail } = json ? await response.json() : {};
    throw new Error(message ?? detail ?? `HTTP error! status: ${response.status}`);
  }
  return json ? response.json() : response;
}

export const me = (token) => request(token, "/api/me");

export const files = async (token, collection) => (await request(token, `/api/files/${collection}`)).files;

export function upload(token, collection, file, metadata) {
  const body = new FormData();
  body.append("file", file);
  body.append("metadata", JSON.stringify(metadata));
  return request(token, `/api/files/${collection}`, { method: "POST", body });
}

export async function download(token, collection, name) {
  const response = await request(token, `/api/files/${collection}/${name}`);
  return response.blob();
}

export const remove = (token, collection, name) =>
  request(token, `/api/files/${collection}/${name}`, { method: "DELETE" });
