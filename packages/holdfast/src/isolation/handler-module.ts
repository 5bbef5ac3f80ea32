import { basename, extname } from "node:path";
import { pathToFileURL } from "node:url";
import { HoldfastError } from "@holdfast/contracts";
import { isTypeRule } from "../engine/type-rules.ts";
import type { Handler } from "../worker/handler.ts";

/**
 * The handlers of one module. It exports either
 *
 * - `handlers`, or a default: a record of task type to function, or
 * - a default function, whose task type is the name of the file: `email.send.mjs` handles `email.send`.
 *
 * @param file absolute path
 * @throws HoldfastError invalid_argument, one line that names the file and the cause
 */
export async function loadHandlerModule(file: string): Promise<Record<string, Handler>> {
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
  return check(file, exported as Record<string, unknown>);
}

/** A CommonJS module arrives as the default, and one that was compiled from ES modules has its own default in there. */
function defaultOf(module: { default?: unknown }): unknown {
  const exported = module.default as
    | { __esModule?: unknown; default?: unknown; handlers?: unknown }
    | undefined;
  return exported?.__esModule && exported.handlers === undefined ? exported.default : exported;
}

function check(file: string, record: Record<string, unknown>): Record<string, Handler> {
  const entries = Object.entries(record);
  if (entries.length === 0) throw refused(`${file} has an empty record of handlers`);
  for (const [type, handler] of entries) {
    if (!isTypeRule(type)) throw refused(`"${type}" in ${file} is not a valid task type`);
    if (typeof handler !== "function") throw refused(`"${type}" in ${file} is not a function`);
  }
  return record as Record<string, Handler>;
}

/** The handlers of several modules together. @throws HoldfastError invalid_argument, also where two have the same type */
export async function loadHandlerModules(files: readonly string[]): Promise<Record<string, Handler>> {
  const handlers = new Map<string, { handler: Handler; file: string }>();
  for (const file of files) {
    for (const [type, handler] of Object.entries(await loadHandlerModule(file))) {
      const other = handlers.get(type);
      if (other) throw refused(`"${type}" is in ${other.file} and in ${file}`);
      handlers.set(type, { handler, file });
    }
  }
  return Object.fromEntries([...handlers].map(([type, { handler }]) => [type, handler]));
}

const refused = (message: string, cause?: unknown) =>
  new HoldfastError("invalid_argument", message, cause === undefined ? {} : { cause });
