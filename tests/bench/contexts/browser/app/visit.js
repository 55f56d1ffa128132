// What a person does at a STUF, in a browser: signs in with a second factor, uploads, sees, downloads, deletes, signs out.
//
// Standard input holds one line of JSON (where, who, which file) and then a one-time code for each `{"ask":"code"}` that
// is written to standard output. The last line there is the report: what the person saw, and what the browser noted.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => (await lines.next()).value ?? "";
const say = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);

// An address without what it carries: codes and tokens stand in queries and fragments.
const bare = (address) => address.replace(/[?#].*/s, "");

// Whatever the browser has to complain about, and every origin that anything was asked of.
function watch(context) {
  const noted = { complaints: [], origins: [] };
  const complain = (...words) => noted.complaints.push(words.join(" "));
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complain(`${message.type()}:`, message.text());
  });
  context.on("weberror", (error) => complain("exception:", error.error()));
  context.on("requestfailed", (request) => complain("failed:", bare(request.url()), request.failure().errorText));
  context.on("response", (response) => {
    if (response.status() >= 400) complain("answered:", bare(response.url()), response.status());
  });
  context.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "data:" && !noted.origins.includes(origin)) noted.origins.push(origin);
  });
  return noted;
}

async function signIn(page, visit) {
  const answer = await page.goto(`${visit.origin}/`);
  const { issuer, subjectName, protocol } = await answer.securityDetails();
  await page.getByRole("heading", { name: "Sign in to STUF" }).waitFor();
  const invited = { path: new URL(page.url()).pathname, server: await answer.serverAddr(), issuer, subjectName, protocol };
  // It is a page like any other: who comes back to it by its address finds it.
  await page.reload();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#username").fill(visit.username);
  await page.locator("#password").fill(visit.password);
  const asked = bare(page.url());
  await page.locator("#kc-login").click();
  await page.locator("#otp").waitFor();
  say({ ask: "code" });
  await page.locator("#otp").fill(await read());
  await page.locator("#kc-login").click();
  await page.getByText(`Welcome, ${visit.username}!`).waitFor();
  return { ...invited, asked, back: page.url() };
}

// How tokens are renewed without a refresh token: a hidden frame asks the identity, and comes back to this origin.
const asksInAFrame = (page, visit) =>
  page.evaluate(async ([origin, identity]) => {
    const asked = {
      client_id: "stuf-spa",
      redirect_uri: origin,
      response_type: "code",
      scope: "openid",
      prompt: "none",
      code_challenge: "x".repeat(43),
      code_challenge_method: "S256",
    };
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.src = `${identity}/protocol/openid-connect/auth?${new URLSearchParams(asked)}`;
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
    document.body.append(frame);
    await loaded;
    const back = new URL(frame.contentWindow.location);
    frame.remove();
    return { origin: back.origin, error: back.searchParams.get("error") };
  }, [visit.origin, visit.identity]);

const storage = (page) =>
  page.evaluate(() => ({
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    cookies: document.cookie,
  }));

const cookies = async (context) =>
  (await context.cookies()).map(({ name, domain, path, secure, httpOnly }) => ({ name, domain, path, secure, httpOnly }));

async function upload(page, { file }) {
  const buffer = Buffer.from(file.base64, "base64");
  await page.getByLabel("File").setInputFiles({ name: file.name, mimeType: file.type, buffer });
  await page.getByLabel("Metadata (JSON)").fill(JSON.stringify(file.metadata));
  await page.getByRole("button", { name: "Upload" }).click();
  const result = await page.getByRole("status").textContent();
  const uploaded = JSON.parse(result);
  if (!uploaded.object_name) throw new Error(`the upload answered ${result}`);
  return uploaded;
}

async function work(page, visit) {
  const choose = () => page.getByLabel("Collection").selectOption(visit.collection);
  await choose();
  const uploaded = await upload(page, visit);
  // The list names files by their keys, without the date at their beginning.
  const shown = uploaded.object_name.split("/").at(-1).replace(/^\d+-/, "");
  const row = page.getByRole("row").filter({ hasText: shown });
  await row.waitFor();
  // Signed in still, and the file there, when everything is fetched anew.
  await page.reload();
  await choose();
  await row.waitFor();
  const cells = await row.getByRole("cell").allTextContents();
  const arrives = page.waitForEvent("download");
  await row.getByRole("button", { name: "Download" }).click();
  const download = await arrives;
  const data = await readFile(await download.path());
  const downloaded = { name: download.suggestedFilename(), sha256: createHash("sha256").update(data).digest("hex") };
  await row.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Confirm" }).click();
  await row.waitFor({ state: "detached" });
  return { uploaded, cells: cells.slice(0, 3), downloaded };
}

async function signOut(page) {
  await page.getByRole("button", { name: "Logout" }).click();
  await page.getByRole("heading", { name: "Sign in to STUF" }).waitFor();
  const left = await storage(page);
  // Nor does going back show the files again.
  await page.goBack();
  await page.getByRole("heading", { name: "Sign in to STUF" }).waitFor();
  return left;
}

const refreshToken = (page) =>
  page.evaluate(() => {
    const kept = Object.entries(sessionStorage).find(([name]) => name.startsWith("oidc.user:"));
    return JSON.parse(kept[1]).refresh_token;
  });

// What has to be refused, and told: without it nobody knows that the browser would have complained.
async function misbehave(page, visit, kept) {
  const renewed = await page.evaluate(
    async ([address, token]) => {
      const body = new URLSearchParams({ grant_type: "refresh_token", client_id: "stuf-spa", refresh_token: token });
      return (await fetch(address, { method: "POST", body })).status;
    },
    [`${visit.identity}/protocol/openid-connect/token`, kept],
  );
  const injected = await page.evaluate(async (stranger) => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
    await fetch(stranger).catch(() => {});
    return window.injected ?? false;
  }, visit.stranger);
  const distrusted = await page.goto(visit.stranger).then(() => "opened", (error) => /net::\w+/.exec(error)[0]);
  return { renewed, injected, distrusted };
}

async function person(visit) {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    // A container's user may make no user namespaces, of which Chromium's sandbox is made.
    chromiumSandbox: false,
    args: ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const context = await browser.newContext();
  context.setDefaultTimeout(20_000);
  const noted = watch(context);
  const page = await context.newPage();
  try {
    const signedIn = await signIn(page, visit);
    const worked = await work(page, visit);
    const framed = await asksInAFrame(page, visit);
    const during = { ...(await storage(page)), kept: await cookies(context) };
    const kept = await refreshToken(page);
    const after = await signOut(page);
    const clean = structuredClone(noted);
    const misbehaved = await misbehave(page, visit, kept);
    const complaints = noted.complaints.slice(clean.complaints.length);
    return { version: browser.version(), signedIn, ...worked, framed, during, after, ...clean, misbehaved: { ...misbehaved, complaints } };
  } catch (error) {
    const shown = await page.locator("body").innerText().catch(() => "");
    throw new Error(`${error.message}\nat ${bare(page.url())}, which shows:\n${shown}\n${noted.complaints.join("\n")}`);
  } finally {
    await browser.close();
  }
}

try {
  say(await person(JSON.parse(await read())));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
process.stdin.destroy();
