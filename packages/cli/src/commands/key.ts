import { type ApiKey, type KeyView, SCOPES, type Scope } from "@holdfast/contracts";
import {
  addToKeyFile,
  KeyStore,
  mintKey,
  readKeyFile,
  revokeInKeyFile,
  viewOfKey,
} from "@holdfast/service/keys";
import { type Action, type Command, type Context, InvalidArgumentError } from "../context.ts";
import { UsageError } from "../exit.ts";
import type { Column } from "../output.ts";
import { parseDuration, time } from "../values.ts";

interface Listed extends KeyView {
  /** Missing for keys in a file, because only Redis records when a key was last used. */
  lastUsedAt?: number | null;
}

const COLUMNS: Column<Listed>[] = [
  { title: "ID", cell: (key) => key.id },
  { title: "LABEL", cell: (key) => key.label },
  { title: "SCOPES", cell: (key) => key.scopes.join(",") },
  { title: "QUEUES", cell: (key) => key.queues?.join(",") ?? "all" },
  { title: "CREATED", cell: (key) => time(key.createdAt) },
  { title: "EXPIRES", cell: expiry },
];
const USED: Column<Listed> = {
  title: "LAST USED",
  cell: ({ lastUsedAt = null }) => time(lastUsedAt),
};

interface Where {
  file?: string;
}

/**
 * Where the keys are stored. A file serves the services whose API_KEYS_FILE names it, and Redis serves all services.
 * The audit log records changes in Redis.
 */
interface Keys {
  add(key: ApiKey): Promise<void>;
  list(): Promise<(ApiKey & { lastUsedAt?: number | null })[]>;
  revoke(id: string): Promise<void>;
}

export function keyCommand(program: Command, action: Action): void {
  const key = program.command("key").description("API keys of the services");

  key
    .command("create")
    .requiredOption("--label <text>", "name of the holder, for the audit log")
    .requiredOption(
      "--scope <scope>",
      `${SCOPES.join(", ")}; repeat it, or separate by commas`,
      collectScopes,
    )
    .option("--queue <queue>", "only this queue; repeat it, or separate by commas", collectNames)
    .option("--expires <duration>", "how long the key is valid from now on, such as 30d", parseDuration)
    .option("--file <path>", "write the key to this file (API_KEYS_FILE of the services) instead of Redis")
    .description("makes a key and prints it once; only its hash is kept")
    .action(
      action<Where & { label: string; scope: Scope[]; queue?: string[]; expires?: number }>(
        async (context, _args, { label, scope, queue, expires, file }) => {
          const { key, text } = mintKey({
            label,
            scopes: scope,
            queues: queue,
            expiresAt: expires === undefined ? null : Date.now() + expires,
          });
          await (await keysOf(context, file)).add(key);
          if (context.out.format === "table") {
            // Only the key goes to stdout, so that KEY=$(holdfast key create …) works.
            context.out.line(text);
            context.out.say(
              `key ${key.id} of "${key.label}": ${key.scopes.join(", ")}; ${
                key.queues ? `queues ${key.queues.join(", ")}` : "all queues"
              }; ${key.expiresAt === null ? "does not expire" : `expires ${expiry(key)}`}. It is not shown again.`,
            );
            return;
          }
          context.out.record({ ...viewOfKey(key), key: text }, []);
        },
      ),
    );

  key
    .command("ls")
    .alias("list")
    .option("--file <path>", "the keys in this file instead of Redis")
    .description("lists every key without its secret; keys in Redis are shown with their last use")
    .action(
      action<Where>(async (context, _args, { file }) => {
        const keys = await (await keysOf(context, file)).list();
        context.out.list(keys.map(viewOfKey), file === undefined ? [...COLUMNS, USED] : COLUMNS);
      }),
    );

  key
    .command("revoke")
    .argument("<id>", "id of the key: the part between its underscores")
    .option("--file <path>", "the key is in this file instead of Redis")
    .description("revokes a key: within a second every service refuses it")
    .action(
      action<Where>(async (context, [given = ""], { file }) => {
        const id = idOf(given);
        await (await keysOf(context, file)).revoke(id);
        context.out.record({ id, revoked: true }, [[id, "revoked"]]);
      }),
    );
}

async function keysOf(context: Context, file: string | undefined): Promise<Keys> {
  if (file !== undefined) {
    return {
      add: (key) => addToKeyFile(file, key),
      list: () => readKeyFile(file),
      revoke: (id) => revokeInKeyFile(file, id),
    };
  }
  await context.checked();
  const store = new KeyStore(context.client);
  const recorded = (action: "key.create" | "key.revoke", subject: string, act: () => Promise<void>) =>
    context.recorded({ action, queue: null, subject }, act);
  return {
    add: (key) => recorded("key.create", key.id, () => store.add(key)),
    list: () => store.list(),
    revoke: (id) => recorded("key.revoke", id, () => store.revoke(id)),
  };
}

/** Returns the id of a key. The user may also give the whole key, which this function never prints. */
function idOf(given: string): string {
  const id = /^(?:hf_)?([0-9a-z]{12})(?:_[0-9A-Za-z]*)?$/.exec(given)?.[1];
  if (id === undefined)
    throw new UsageError("an id has 12 lower-case letters and digits: see holdfast key ls");
  return id;
}

function expiry({ expiresAt }: KeyView): string {
  if (expiresAt === null) return "never";
  return expiresAt <= Date.now() ? `${time(expiresAt)} (over)` : time(expiresAt);
}

function collectNames(text: string, before: string[] = []): string[] {
  return [...before, ...text.split(",").map((name) => name.trim())];
}

function collectScopes(text: string, before: Scope[] = []): Scope[] {
  const scopes = text.split(",").map((name) => name.trim());
  for (const scope of scopes) {
    if (!(SCOPES as readonly string[]).includes(scope))
      throw new InvalidArgumentError(`"${scope}" is not a valid scope: use ${SCOPES.join(", ")}.`);
  }
  return [...before, ...(scopes as Scope[])];
}
