import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import sharp from "sharp";

const COUNT = 12;
const BROKEN = "image-07.jpg";
const KINDS = new Set([".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".gif", ".svg"]);

const nameOf = (number) => `image-${String(number).padStart(2, "0")}.jpg`;

/** Paints a picture of 1200 x 800: a circle on a colour that depends on the name. */
function paint(name) {
  const hue = (Number(name.match(/\d+/)[0]) * 30) % 360;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="800">
    <rect width="1200" height="800" fill="hsl(${hue}, 60%, 50%)"/>
    <circle cx="600" cy="400" r="250" fill="hsl(${(hue + 180) % 360}, 70%, 60%)"/></svg>`;
  return sharp(Buffer.from(svg)).jpeg().toBuffer();
}

/** Deletes the folder and creates it with twelve images, one of which is broken. */
export async function generateImages(folder) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (let number = 1; number <= COUNT; number++) {
    const name = nameOf(number);
    const bytes = name === BROKEN ? Buffer.from("This was a photo once.") : await paint(name);
    await writeFile(join(folder, name), bytes);
  }
}

/** Replaces the broken image with a good one. */
export async function mendImages(folder) {
  await writeFile(join(folder, BROKEN), await paint(BROKEN));
  return BROKEN;
}

export async function imagesIn(folder) {
  const names = await readdir(folder);
  return names.filter((name) => KINDS.has(extname(name).toLowerCase())).sort();
}
