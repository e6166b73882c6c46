// Where a Chromium is: the one that MDS_CHROMIUM names, one of this machine, or the one that `make setup` has installed.
// As a program it prints the path; it ends with 1 if there is none.
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const INSTALLED = new URL("chromium/node_modules/@sparticuz/chromium/", import.meta.url);

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function ofMachine() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

// The program to start, its environment and further options.
export async function findChromium() {
  const named = process.env.MDS_CHROMIUM;
  if (named) {
    if (!isProgram(named)) throw new Error(`MDS_CHROMIUM is no program: ${named}`);
    return { path: named, env: process.env, args: [] };
  }
  const found = ofMachine();
  if (found) return { path: found, env: process.env, args: [] };
  if (!existsSync(INSTALLED)) return undefined;
  const { default: bundled, inflate } = await import(new URL("build/index.js", INSTALLED));
  const path = await bundled.executablePath();
  // The libraries that a small machine lacks come with it.
  const folder = await inflate(fileURLToPath(new URL("bin/al2023.tar.br", INSTALLED)));
  const libraries = [join(folder, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
  return { path, env: { ...process.env, LD_LIBRARY_PATH: libraries }, args: bundled.args };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const chromium = await findChromium();
  if (chromium) console.log(chromium.path);
  process.exitCode = chromium ? 0 : 1;
}
