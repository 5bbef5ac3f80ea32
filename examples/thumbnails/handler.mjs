import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { FatalError } from "holdfast";
import sharp from "sharp";

export const handlers = {
  /** `{ source, target, width }`: two paths and pixels. */
  "image.thumbnail": async (task, { attempt, token }) => {
    const { source, target, width } = task.payload;
    const bytes = await readFile(source); // a file that is missing may come yet: this throw is retried
    const image = sharp(bytes).autoOrient().resize({ width, withoutEnlargement: true }).webp();
    const { data, info } = await image.toBuffer({ resolveWithObject: true }).catch((error) => {
      // The same bytes fail the same way: straight to the dead letters, with a reason a person can read.
      throw new FatalError(`${basename(source)} cannot be read as an image: ${error.message}`);
    });
    // Under a name of its own until it is whole: a second run of the same task never meets half a file.
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.${token}`, data);
    await rename(`${target}.${token}`, target);
    return { target, width: info.width, height: info.height, bytes: info.size, attempt };
  },
};
