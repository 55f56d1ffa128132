// Looks at pages in Chromium as people do: on a telephone, a tablet and a desk, in light and in dark, on paper, and without script.
//
// usage: pages.mjs NODE_FOLDER [--told FILE] [--running PAGE] PAGE…
//
// With --told the findings have to be those of FILE, each a line of width, mode and kind: so a page that is broken on
// purpose shows that each kind is noticed, and only where it is. With --running a page is one of a run that goes on, to which
// the rules NOT_WHILE_RUNNING do not apply.

import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const WIDTHS = [360, 768, 1280];
const MODES = ["light", "dark"];
const LEAST_CONTRAST = 4.5;
const LEAST_LETTERS = 11;
/** Pages that are looked at at once. */
const AT_ONCE = 2;
/** A sheet of A4 between margins of a centimetre, in CSS pixels. */
const PAPER = 718;
/** What is made for a screen alone; what only a script can do. */
const ON_SCREEN = "nav, .screen";
const BY_SCRIPT = "[data-filter]";

/** The one rule of axe that looks at colours. */
const CONTRAST = "color-contrast";
/** Rules of axe that say nothing of the page that `./migrate` keeps while a run goes on. */
const NOT_WHILE_RUNNING = {
  // The page loads itself again, since it may hold no script and whoever waits for a migration wants to see how far it is. Nothing
  // is typed, ticked or folded on it, so nothing gets lost. As soon as the run is over the page does so no more, and has to keep
  // the rule.
  "meta-refresh": { enabled: false },
};

/** What is wrong with the page as it stands there; runs in the browser and knows nothing but its arguments. */
function look([leastContrast, leastLetters]) {
  const found = [];
  const say = (kind, text) => found.push([kind, text]);
  const short = (text) => text.trim().replace(/\s+/gu, " ").slice(0, 60);

  // What is folded away is read too, sooner or later.
  for (const folded of document.querySelectorAll("details")) folded.open = true;

  const levels = Array.from(document.querySelectorAll("h1, h2, h3, h4, h5, h6"), (node) => [Number(node.nodeName[1]), node]);
  const first = levels.filter(([level]) => level === 1).length;
  if (first !== 1) say("headings", `${first} of level 1`);
  levels.forEach(([level, node], at) => {
    const before = at > 0 ? levels[at - 1][0] : 0;
    if (level > before + 1) say("headings", `level ${level} after ${before}: ${short(node.textContent)}`);
  });

  // Colours as the browser resolved them: `rgb(1, 2, 3)` or `rgba(1, 2, 3, 0.5)`.
  const parsed = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/gu).map(Number);
    return { red, green, blue, alpha };
  };
  const luminance = ({ red, green, blue }) => {
    const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const contrast = (one, other) => {
    const [dark, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parsed(getComputedStyle(at).backgroundColor);
      if (colour.alpha === 1) return colour;
      if (colour.alpha > 0) return null;
    }
    return null;
  };
  // What is drawn below a text of a picture: the last shape before it that holds its middle.
  const drawnGround = (text, box) => {
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const holds = (shape) => {
      const place = shape.getBoundingClientRect();
      return place.left <= x && x <= place.right && place.top <= y && y <= place.bottom;
    };
    const below = Array.from(text.ownerSVGElement.querySelectorAll("rect, circle"))
      .filter((shape) => shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)
      .filter((shape) => getComputedStyle(shape).fill !== "none" && holds(shape));
    return below.length > 0 ? parsed(getComputedStyle(below.at(-1)).fill) : ground(text.ownerSVGElement);
  };
  const judge = (node, colour, behind) => {
    const ratio = behind && contrast(colour, behind);
    if (!behind || colour.alpha < 1 || ratio < leastContrast) {
      say("contrast", `${ratio ? ratio.toFixed(2) : "not to be told"}: ${short(node.textContent)}`);
    }
  };

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const node = text.parentElement;
    if (text.data.trim() === "" || seen.has(node) || node.closest("svg, script, style") || !node.checkVisibility()) continue;
    seen.add(node);
    judge(node, parsed(getComputedStyle(node).color), ground(node));
  }

  for (const picture of document.querySelectorAll("svg")) {
    const frame = picture.getBoundingClientRect();
    const set = Array.from(picture.querySelectorAll("text"), (text) => [text, text.getBoundingClientRect()]);
    set.forEach(([text, box], at) => {
      judge(text, parsed(getComputedStyle(text).fill), drawnGround(text, box));
      const letters = parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a;
      if (letters < leastLetters) say("picture", `letters of ${letters.toFixed(1)} pixels: ${short(text.textContent)}`);
      const outside = box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1 || box.top < frame.top - 1;
      if (outside) say("picture", `reaches out of its picture: ${short(text.textContent)}`);
      for (const [other, place] of set.slice(at + 1)) {
        const apart = box.right <= place.left || place.right <= box.left || box.bottom <= place.top + 2 || place.bottom <= box.top + 2;
        if (!apart) say("picture", `${short(text.textContent)} lies over ${short(other.textContent)}`);
      }
    });
  }
  return found;
}

/** Every text that can be seen but in `without`, in its order; with `unfolded`, what is folded away too. Runs in the browser. */
function read([without, unfolded]) {
  if (unfolded) for (const folded of document.querySelectorAll("details")) folded.open = true;
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const node = text.parentElement;
    const words = text.data.trim().replace(/\s+/gu, " ");
    const seen = node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (words !== "" && seen && !node.closest(without)) found.push(words);
  }
  return found;
}

/** How much wider than its window the page is, and by what; runs in the browser. */
function tooWide() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const outside = Array.from(document.body.querySelectorAll("*")).filter((node) => node.getBoundingClientRect().right > clientWidth + 0.5);
  const by = outside.at(-1) ?? document.body;
  return [["scroll", `${scrollWidth} pixels wide on ${clientWidth}: <${by.localName}> ${by.textContent.trim().slice(0, 60)}`]];
}

/** What stands where, without its colours; runs in the browser. */
function layout() {
  const place = (node) => {
    const { x, y, width, height } = node.getBoundingClientRect();
    const { visibility, opacity } = getComputedStyle(node);
    return [node.nodeName, x, y, width, height, visibility, opacity].join(" ");
  };
  return Array.from(document.querySelectorAll("*"), place).join("\n");
}

/** What the search of a page does, where it has one: hides everything, finds one thing, shows everything again. */
async function search(page) {
  const box = page.locator("[data-filter]");
  if ((await box.count()) === 0) return [];
  const field = box.locator("input");
  if (!(await field.isVisible())) return [["search", "its field is not shown"]];
  const items = page.locator(await box.getAttribute("data-filter"));
  const all = await items.count();
  const shown = async (words) => {
    await field.fill(words);
    return items.evaluateAll((nodes) => nodes.filter((node) => node.checkVisibility()).length);
  };
  // All that stands in the last one, since rows often begin with the same word.
  const words = (await items.last().textContent()).trim();
  const [none, some, again] = [await shown("no such setting"), await shown(words.toUpperCase()), await shown("")];
  const right = none === 0 && some > 0 && some < all && again === all;
  return right ? [] : [["search", `of ${all}: ${none} by what is not there, ${some} by ${words}, ${again} by nothing`]];
}

/** What axe finds: all that does not depend on colours, or their contrast alone. */
async function axe(page, source, options) {
  await page.evaluate(source);
  const asked = { resultTypes: ["violations"], ...options };
  const { violations } = await page.evaluate((options) => globalThis.axe.run(document, options), asked);
  return violations.map(({ id, help, nodes }) => ["axe", `${id}: ${help}: ${nodes[0].html.slice(0, 120)}`]);
}

/** Texts of `all` that are not among `some`, as findings. */
function lost(all, some, where) {
  const left = new Map();
  for (const words of some) left.set(words, (left.get(words) ?? 0) + 1);
  const missing = all.filter((words) => {
    const count = left.get(words) ?? 0;
    left.set(words, count - 1);
    return count <= 0;
  });
  return missing.length === 0 ? [] : [["lost", `${missing.length} of ${all.length} texts are not seen ${where}: ${missing[0].slice(0, 60)}`]];
}

/** What is missing on paper, or where no script may run, of all that a screen shows: modes differ in colours alone, so one is enough. */
async function elsewhere({ page, address }, scriptless) {
  await page.setViewportSize({ width: WIDTHS.at(-1), height: 800 });
  await page.goto(address);
  const [shown, plain] = [await page.evaluate(read, [ON_SCREEN, true]), await page.evaluate(read, [BY_SCRIPT, true])];

  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: PAPER, height: 1000 });
  // As it is opened, since nobody unfolds a sheet of paper.
  await page.goto(address);
  const paper = [...(await page.evaluate(tooWide)), ...lost(shown, await page.evaluate(read, [ON_SCREEN, false]), "on paper")];
  await page.emulateMedia({ media: null });

  await scriptless.page.setViewportSize({ width: WIDTHS.at(-1), height: 800 });
  await scriptless.page.goto(address);
  const still = lost(plain, await scriptless.page.evaluate(read, [BY_SCRIPT, true]), "without script");
  return [...paper.map(([kind, text]) => [`paper ${kind}`, text]), ...still.map(([kind, text]) => [`scriptless ${kind}`, text])];
}

/** A tab that shows pages in one mode; one for many pages, since a process for each costs more than its page. */
async function open(browser, mode, javaScriptEnabled = true) {
  const context = await browser.newContext({ colorScheme: mode, viewport: { width: WIDTHS[0], height: 800 }, javaScriptEnabled });
  const tab = { mode, page: await context.newPage(), address: "", noted: [] };
  tab.page.on("console", (message) => tab.noted.push(["console", message.text()]));
  tab.page.on("pageerror", (error) => tab.noted.push(["console", error.message]));
  tab.page.on("request", (request) => {
    if (request.url().split("#")[0] !== tab.address) tab.noted.push(["loads", request.url()]);
  });
  return tab;
}

async function judge(tabs, scriptless, source, file, running) {
  const findings = [];
  const leftOut = running ? NOT_WHILE_RUNNING : {};
  const layouts = new Map();
  for (const tab of tabs) {
    const { mode, page } = tab;
    tab.address = pathToFileURL(resolve(file)).href;
    for (const width of WIDTHS) {
      tab.noted = [];
      await page.setViewportSize({ width, height: 800 });
      await page.goto(tab.address);
      const looked = await page.evaluate(look, [LEAST_CONTRAST, LEAST_LETTERS]);
      const found = [...looked, ...(await page.evaluate(tooWide)), ...tab.noted];
      const still = running && (await page.locator("meta[http-equiv=refresh]").count()) === 0;
      if (still) found.push(["running", "it does not load itself again, so every rule is for it"]);
      // Search and axe, which take longest, see no colours: where nothing but these differs they have told everything.
      const drawn = await page.evaluate(layout);
      // Of contrast axe is asked once in each mode, beside `look`: that knows the grounds of pictures, and asks as much of large letters.
      const contrast = width === WIDTHS.at(-1);
      if (drawn !== layouts.get(width)) {
        const rules = { [CONTRAST]: { enabled: contrast }, ...leftOut };
        found.push(...(await search(page)), ...(await axe(page, source, { rules })));
      } else if (contrast) {
        found.push(...(await axe(page, source, { runOnly: [CONTRAST] })));
      }
      layouts.set(width, drawn);
      for (const [kind, text] of found) findings.push([`${width} ${mode} ${kind}`, text]);
    }
  }
  findings.push(...(await elsewhere(tabs[0], scriptless)));
  return findings;
}

async function main([folder, ...rest]) {
  const option = (name) => (rest[0] === name ? rest.splice(0, 2)[1] : null);
  const [told, running] = [option("--told"), option("--running")];
  const files = running === null ? rest : [running, ...rest];
  const modules = join(folder, "node_modules");
  const { chromium } = await import(pathToFileURL(join(modules, "playwright-core/index.mjs")));
  const source = readFileSync(join(modules, "axe-core/axe.min.js"), "utf8");
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    // The tests run as root, for whom Chromium has no sandbox; the pages are our own.
    chromiumSandbox: false,
    args: ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const findings = [];
  try {
    const waiting = [...files];
    const worker = async () => {
      const tabs = await Promise.all(MODES.map((mode) => open(browser, mode)));
      const scriptless = await open(browser, MODES[0], false);
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        const found = await judge(tabs, scriptless, source, file, file === running);
        for (const [where, text] of found) console.log(`${basename(file)} ${where}: ${text}`);
        console.log(`${basename(file)}: ${WIDTHS.length} widths, ${MODES.length} modes, paper, no script: ${found.length} findings`);
        findings.push(...found);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await browser.close();
  }
  if (files.length === 0) throw new Error("no page to look at");
  if (told === null) return findings.length === 0;
  const expected = readFileSync(told, "utf8").trim().split("\n").sort();
  const kinds = [...new Set(findings.map(([where]) => where))].sort();
  for (const line of expected.filter((line) => !kinds.includes(line))) console.log(`not noticed: ${line}`);
  for (const line of kinds.filter((line) => !expected.includes(line))) console.log(`not expected: ${line}`);
  return kinds.join("\n") === expected.join("\n");
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
