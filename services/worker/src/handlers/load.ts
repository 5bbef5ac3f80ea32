import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isTaskType } from "@holdfast/contracts";
import { StartupError } from "@holdfast/service";
import type { Handler } from "holdfast";

const EXTENSIONS = new Set([".js", ".mjs", ".cjs"]);

/**
 * The handlers of a module, or of every module of a folder (not of its subfolders; names that begin with `_` or
 * `.` and tests are left out). A module exports either
 *
 * - `handlers`, or a default: a record of task type to function, or
 * - a default function, whose task type is the name of the file: `email.send.mjs` handles `email.send`.
 *
 * @throws StartupError, one line that names the file and the cause
 */
export async function loadHandlers(path: string): Promise<Record<string, Handler>> {
  const root = resolve(path);
  const info = await stat(root).catch((error: Error) => {
    throw new StartupError(`HANDLERS: cannot read ${root}: ${error.message}`);
  });
  const files = info.isDirectory() ? await modulesOf(root) : [root];
  if (files.length === 0) {
    throw new StartupError(`HANDLERS: no module (${[...EXTENSIONS].join(", ")}) in ${root}`);
  }
  const handlers = new Map<string, { handler: Handler; file: string }>();
  for (const file of files) {
    for (const [type, handler] of Object.entries(await loadModule(file))) {
      const other = handlers.get(type);
      if (other) throw new StartupError(`HANDLERS: "${type}" is in ${other.file} and in ${file}`);
      handlers.set(type, { handler, file });
    }
  }
  return Object.fromEntries([...handlers].map(([type, { handler }]) => [type, handler]));
}

async function modulesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && EXTENSIONS.has(extname(entry.name)))
    .filter((entry) => !/^[_.]/.test(entry.name) && !/\.(test|spec)\.[cm]?js$/.test(entry.name))
    .map((entry) => join(folder, entry.name))
    .sort();
}

async function loadModule(file: string): Promise<Record<string, Handler>> {
  let module: { handlers?: unknown; default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as typeof module;
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new StartupError(`HANDLERS: ${file} does not load: ${reason.split("\n", 1)[0]}`, { cause: error });
  }
  const fallback = module.default as { handlers?: unknown } | undefined;
  // A CommonJS module arrives as the default.
  const exported = module.handlers ?? fallback?.handlers ?? fallback;
  if (typeof exported === "function") {
    return check(file, { [basename(file, extname(file))]: exported });
  }
  if (typeof exported !== "object" || exported === null) {
    throw new StartupError(
      `HANDLERS: ${file} exports no handlers: export const handlers = { "task.type": async (task, ctx) => {} }`,
    );
  }
  return check(file, exported as Record<string, unknown>);
}

function check(file: string, record: Record<string, unknown>): Record<string, Handler> {
  const entries = Object.entries(record);
  if (entries.length === 0) throw new StartupError(`HANDLERS: ${file} has an empty record of handlers`);
  for (const [type, handler] of entries) {
    if (!isTaskType(type)) throw new StartupError(`HANDLERS: "${type}" in ${file} is not a valid task type`);
    if (typeof handler !== "function") {
      throw new StartupError(`HANDLERS: "${type}" in ${file} is not a function`);
    }
  }
  return record as Record<string, Handler>;
}
