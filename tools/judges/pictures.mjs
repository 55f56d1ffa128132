// Makes the README's pictures of a plan, or tells where one no longer shows what the page has there.
//
// usage: pictures.mjs NODE_FOLDER PAGE FOLDER [--make]
//
// Beside each picture lies the text that stands in it, below the picture's own digest. So that a picture is of this page is told
// without a comparison of pixels, which are others with every version of a browser.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** What is shown: a name, a window, a mode, and the heading that stands at the top; without one the page's beginning. */
const PICTURES = [
  { name: "plan-desk", width: 1120, height: 840, mode: "light", heading: null },
  { name: "plan-telephone", width: 360, height: 800, mode: "dark", heading: "From where to where" },
];
/** Pixels above that heading. */
const ABOVE = 20;

/** Every text that can be seen, and whether all of it lies in the window; runs in the browser. */
function texts() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim().replace(/\s+/gu, " ");
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const inside = Array.from(range.getClientRects(), ({ top, bottom }) => top >= 0 && bottom <= innerHeight);
    if (text && inside.length > 0) found.push([text, inside.every(Boolean)]);
  }
  return found;
}

/** Whether lines stand in a list one after the other: where the window cuts them off depends on the machine's fonts. */
function holds(list, lines) {
  return list.some((_, at) => lines.every((line, further) => list[at + further] === line));
}

const digest = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function picture(browser, page, { width, height, mode, heading }) {
  const context = await browser.newContext({ colorScheme: mode, viewport: { width, height } });
  const tab = await context.newPage();
  await tab.goto(pathToFileURL(resolve(page)).href);
  if (heading !== null) {
    const place = await tab.getByRole("heading", { name: heading, exact: true }).boundingBox();
    await tab.evaluate((top) => scrollTo(0, top), Math.round(place.y) - ABOVE);
  }
  const made = { found: await tab.evaluate(texts), bytes: await tab.screenshot() };
  await context.close();
  return made;
}

async function main([folder, page, pictures, make]) {
  const { chromium } = await import(pathToFileURL(join(folder, "node_modules/playwright-core/index.mjs")));
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    // The tests run as root, for whom Chromium has no sandbox; the page is our own.
    chromiumSandbox: false,
    args: ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  let stale = 0;
  try {
    for (const one of PICTURES) {
      const { found, bytes } = await picture(browser, page, one);
      const [image, text] = ["png", "txt"].map((ending) => join(pictures, `${one.name}.${ending}`));
      if (make === "--make") {
        const inside = found.filter(([, isInside]) => isInside).map(([line]) => line);
        writeFileSync(image, bytes);
        writeFileSync(text, `${[digest(bytes), ...inside].join("\n")}\n`);
      }
      const [of, ...lines] = readFileSync(text, "utf8").trimEnd().split("\n");
      if (of !== digest(readFileSync(image)) || !holds(found.map(([line]) => line), lines)) {
        stale += 1;
        console.log(`${image} shows another page than ${page}; next: make pictures, and look at them`);
      }
    }
  } finally {
    await browser.close();
  }
  return stale === 0;
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
