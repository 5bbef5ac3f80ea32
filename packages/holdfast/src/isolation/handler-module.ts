import { basename, extname } from "node:path";
import { pathToFileURL } from "node:url";
import { HoldfastError } from "@holdfast/contracts";
import type { Handlers } from "../worker/handler.ts";
import { checkHandlers } from "../worker/handler-options.ts";

/**
 * Loads the handlers of a module. The module exports either
 * - `handlers`, or a default: a record of task type to function, or to an object with a handler and options, or
 * - a default function, whose task type is the name of the file: `email.send.mjs` handles `email.send`.
 * @param file absolute path
 * @throws HoldfastError invalid_argument, one line that names the file and the cause
 */
export async function loadHandlerModule(file: string): Promise<Handlers> {
  let module: { handlers?: unknown; default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as typeof module;
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw refused(`${file} does not load: ${reason.split("\n", 1)[0]}`, error);
  }
  const fallback = defaultOf(module);
  const exported = module.handlers ?? (fallback as { handlers?: unknown } | undefined)?.handlers ?? fallback;
  if (typeof exported === "function") return check(file, { [basename(file, extname(file))]: exported });
  if (typeof exported !== "object" || exported === null || Array.isArray(exported)) {
    throw refused(
      `${file} exports no handlers: export const handlers = { "task.type": async (task, ctx) => {} }`,
    );
  }
  return check(file, exported);
}

/** Returns the default export. If a CommonJS module was compiled from an ES module, its default is one level deeper. */
function defaultOf(module: { default?: unknown }): unknown {
  const exported = module.default as
    | { __esModule?: unknown; default?: unknown; handlers?: unknown }
    | undefined;
  return exported?.__esModule && exported.handlers === undefined ? exported.default : exported;
}

function check(file: string, record: object): Handlers {
  if (Object.keys(record).length === 0) throw refused(`${file} has an empty record of handlers`);
  try {
    checkHandlers(record as Handlers);
  } catch (error) {
    throw refused(`${file}: ${(error as Error).message}`, error);
  }
  return record as Handlers;
}

/** Loads the handlers of several modules. @throws HoldfastError invalid_argument, also for a type with two handlers */
export async function loadHandlerModules(files: readonly string[]): Promise<Handlers> {
  const handlers = new Map<string, { handler: Handlers[string]; file: string }>();
  for (const file of files) {
    for (const [type, handler] of Object.entries(await loadHandlerModule(file))) {
      const other = handlers.get(type);
      if (other) throw refused(`"${type}" has a handler in ${other.file} and another one in ${file}`);
      handlers.set(type, { handler, file });
    }
  }
  return Object.fromEntries([...handlers].map(([type, { handler }]) => [type, handler]));
}

const refused = (message: string, cause?: unknown) =>
  new HoldfastError("invalid_argument", message, cause === undefined ? {} : { cause });
