import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { FatalError } from "holdfast";
import sharp from "sharp";

export const handlers = {
  /** `{ source, target, width }`: two paths and pixels. */
  "image.thumbnail": async (task, { attempt, token }) => {
    const { source, target, width } = task.payload;
    const bytes = await readFile(source); // a missing file may still come, so this error is retried
    const image = sharp(bytes).autoOrient().resize({ width, withoutEnlargement: true }).webp();
    const { data, info } = await image.toBuffer({ resolveWithObject: true }).catch((error) => {
      // The same bytes would fail again, so the task goes to the dead letters at once, with a clear reason.
      throw new FatalError(`${basename(source)} cannot be read as an image: ${error.message}`);
    });
    // The file has a name of its own until it is complete, so that a second run of the task never meets half a file.
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.${token}`, data);
    await rename(`${target}.${token}`, target);
    return { target, width: info.width, height: info.height, bytes: info.size, attempt };
  },
};
