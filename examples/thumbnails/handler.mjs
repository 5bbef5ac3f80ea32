import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { FatalError } from "holdfast";
import sharp from "sharp";

export const handlers = {
  /** The payload is `{ source, target, width }`: two paths, and a width in pixels. */
  "image.thumbnail": async (task, { attempt, token }) => {
    const { source, target, width } = task.payload;
    const bytes = await readFile(source); // the file may still appear, so a retry makes sense
    const image = sharp(bytes).autoOrient().resize({ width, withoutEnlargement: true }).webp();
    const { data, info } = await image.toBuffer({ resolveWithObject: true }).catch((error) => {
      // Another attempt with the same bytes would fail too. So this error makes the task a dead letter at once.
      throw new FatalError(`${basename(source)} cannot be read as an image: ${error.message}`);
    });
    // The file gets its final name only when it is complete. So another run of the task never reads half a file.
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.${token}`, data);
    await rename(`${target}.${token}`, target);
    return { target, width: info.width, height: info.height, bytes: info.size, attempt };
  },
};
