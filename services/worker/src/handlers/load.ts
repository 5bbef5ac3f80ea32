import { readdir, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { StartupError } from "@holdfast/service";
import { type Handlers, loadHandlerModules } from "holdfast";

const EXTENSIONS = new Set([".js", ".mjs", ".cjs"]);

/**
 * Loads the handlers of a module, or of all modules in a folder. `loadHandlerModule` says what a module has to export.
 * @throws StartupError with one line that names the file and the cause
 */
export async function loadHandlers(path: string): Promise<Handlers> {
  return loadHandlerModules(await handlerFiles(path)).catch(refuse);
}

/** Reports the error of a module as one line instead of a stack trace. @throws StartupError */
export function refuse(error: unknown): never {
  throw new StartupError(`HANDLERS: ${(error as Error).message}`, { cause: error });
}

/**
 * Returns the absolute paths of the module, or of all modules in the folder. Subfolders, tests and files whose names
 * begin with `_` or `.` are left out.
 * @throws StartupError
 */
export async function handlerFiles(path: string): Promise<string[]> {
  const root = resolve(path);
  const info = await stat(root).catch((error: Error) => {
    throw new StartupError(`HANDLERS: cannot read ${root}: ${error.message}`);
  });
  const files = info.isDirectory() ? await modulesOf(root) : [root];
  if (files.length === 0) {
    throw new StartupError(`HANDLERS: no module (${[...EXTENSIONS].join(", ")}) in ${root}`);
  }
  return files;
}

async function modulesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && EXTENSIONS.has(extname(entry.name)))
    .filter((entry) => !/^[_.]/.test(entry.name) && !/\.(test|spec)\.[cm]?js$/.test(entry.name))
    .map((entry) => join(folder, entry.name))
    .sort();
}
