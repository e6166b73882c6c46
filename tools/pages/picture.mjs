// Takes a picture of the top of a page, for the documents, with few colours and bytes.
//
//   node picture.mjs PAGE.html WIDTH HEIGHT PICTURE.png [ELEMENT]
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";
import upng from "upng-js";
import { findChromium } from "./chromium.mjs";

const COLOURS = 64;
const [file, width, height, picture, element] = process.argv.slice(2);
const chromium = await findChromium();
const browser = await puppeteer.launch({
  executablePath: chromium.path,
  env: chromium.env,
  headless: chromium.args.length ? "shell" : true,
  args: [...chromium.args, "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"],
});
try {
  const page = await browser.newPage();
  await page.setViewport({ width: Number(width), height: Number(height) });
  await page.goto(pathToFileURL(resolve(file)).href);
  if (element) await page.evaluate((id) => document.getElementById(id).scrollIntoView(), element);
  const image = upng.decode(Buffer.from(await page.screenshot()));
  const pixels = upng.toRGBA8(image);
  writeFileSync(picture, Buffer.from(upng.encode(pixels, image.width, image.height, COLOURS)));
} finally {
  await browser.close();
}
