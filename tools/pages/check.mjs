// Opens pages in headless Chromium and checks them: nothing is fetched, nothing scrolls sideways on a phone, axe finds
// nothing, the keyboard reaches everything in order, print has everything. Prints what it measured as JSON.
//
//   node check.mjs [--screenshots FOLDER] PAGE.html…
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import puppeteer from "puppeteer-core";
import { findChromium } from "./chromium.mjs";

const WIDTHS = [400, 800, 1280];
// The links of the table, and a few lists to open for each provider.
const MAX_TAB_STOPS = 120;
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const { values, positionals } = parseArgs({
  options: { screenshots: { type: "string" } },
  allowPositionals: true,
});
const chromium = await findChromium();
if (!chromium) {
  console.error("no Chromium: install one, name one in MDS_CHROMIUM, or run `make setup`");
  process.exit(2);
}
const browser = await puppeteer.launch({
  executablePath: chromium.path,
  env: chromium.env,
  headless: chromium.args.length ? "shell" : true,
  args: [...chromium.args, "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"],
});
const problems = [];
const measures = [];
try {
  for (const file of positionals) {
    const problem = (text) => problems.push(`${basename(file)}: ${text}`);
    measures.push(await check(file, problem));
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(measures, null, 2));
problems.forEach((problem) => console.error(problem));
process.exitCode = problems.length ? 1 : 0;

async function check(file, problem) {
  const page = await browser.newPage();
  const address = pathToFileURL(resolve(file)).href;
  page.on("request", (request) => request.url() === address || problem(`fetches ${request.url().slice(0, 200)}`));
  page.on("pageerror", (error) => problem(`fails: ${error}`));
  page.on("console", (message) => ["error", "warn"].includes(message.type()) && problem(`says: ${message.text()}`));

  await page.setViewport({ width: 1280, height: 900 });
  const began = performance.now();
  await page.goto(address, { waitUntil: "load", timeout: 60_000 });
  // The frame after the next one is on the screen.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const opened = Math.round(performance.now() - began);

  for (const width of WIDTHS) {
    await page.setViewport({ width, height: 900 });
    const { content, room } = await page.evaluate(() => ({
      content: document.documentElement.scrollWidth,
      room: document.documentElement.clientWidth,
    }));
    if (content > room) problem(`is ${content} px wide in a window of ${width} px`);
    if (values.screenshots) await screenshots(page, file, width);
  }
  const tabStops = await keyboard(page, problem);
  await page.evaluate(axe);
  await accessible(page, problem, "light");
  await page.setViewport({ width: 400, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  if (values.screenshots) await screenshots(page, file, "400-dark");
  await accessible(page, problem, "dark");
  await page.emulateMediaFeatures([]);
  await print(page, file, problem);
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  await page.close();
  return { page: basename(file), bytes: statSync(file).size, elements, opened_ms: opened, tab_stops: tabStops };
}

async function accessible(page, problem, scheme) {
  // What is folded away is not looked at.
  await page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = true)));
  const found = await page.evaluate(
    (rules) => globalThis.axe.run({ runOnly: rules, resultTypes: ["violations"] }),
    RULES,
  );
  for (const { id, help, nodes } of found.violations) {
    problem(`${scheme}: ${id}: ${help}: ${nodes.length} times, as ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`);
  }
  await page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = false)));
}

// Everything that the keyboard reaches, one after the other, is further down the page and has a visible mark.
async function keyboard(page, problem) {
  await page.evaluate(() => {
    window.scrollTo(0, 0);
    window.last = document.body;
  });
  for (let stops = 0; stops <= MAX_TAB_STOPS; stops += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const now = document.activeElement;
      if (!now || now === document.body) return null;
      const isAfter = Boolean(window.last.compareDocumentPosition(now) & Node.DOCUMENT_POSITION_FOLLOWING);
      const isFirst = window.last === document.body;
      window.last = now;
      const { outlineStyle, outlineWidth } = getComputedStyle(now);
      const isMarked = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
      return { isAfter: isAfter || isFirst, isMarked, html: now.outerHTML.slice(0, 100) };
    });
    if (!stop) return stops;
    if (!stop.isAfter) return stops;
    if (!stop.isMarked) problem(`does not show that the keyboard is at ${stop.html}`);
  }
  problem(`has more than ${MAX_TAB_STOPS} stops for the keyboard`);
  return MAX_TAB_STOPS;
}

async function print(page, file, problem) {
  await page.emulateMediaType("print");
  const hidden = await page.evaluate(
    () => [...document.querySelectorAll("details table, details svg")].filter((it) => it.getBoundingClientRect().height === 0).length,
  );
  if (hidden) problem(`leaves out ${hidden} tables and pictures in print`);
  if (values.screenshots) await screenshots(page, file, "print");
  await page.emulateMediaType("screen");
}

async function screenshots(page, file, name) {
  mkdirSync(values.screenshots, { recursive: true });
  const image = await page.screenshot({ clip: { x: 0, y: 0, width: page.viewport().width, height: 1500 } });
  writeFileSync(join(values.screenshots, `${basename(file, ".html")}-${name}.png`), image);
}
