import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LIMITS, QUEUE_NAME_PATTERN } from "@holdfast/contracts";
import { type Environment, issuesOf, OneOf, StartupError } from "@holdfast/service";
import { readSecret, type SigningKey, urlProblem } from "@holdfast/service/webhooks";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { Value } from "typebox/value";

/** The setting that allows an endpoint whose address is not public. Messages name it. */
export const ALLOW_PRIVATE = '"allowPrivate": true';

const closed = { additionalProperties: false };
const name = Type.String({ pattern: "^[a-z0-9][a-z0-9_-]{0,31}$" });
const queue = Type.String({ pattern: QUEUE_NAME_PATTERN });
const secret = Type.Object(
  {
    env: Type.Optional(Type.String({ minLength: 1 })),
    file: Type.Optional(Type.String({ minLength: 1 })),
  },
  closed,
);
const backoff = Type.Object(
  {
    baseMs: Type.Integer({ minimum: 0, maximum: 86_400_000 }),
    maxMs: Type.Integer({ minimum: 0, maximum: 86_400_000 }),
  },
  closed,
);
/** The fields that endpoints and webhooks have in common. */
const receiver = {
  name,
  url: Type.String(),
  secrets: Type.Array(secret, { minItems: 1, maxItems: 2 }),
  timeoutMs: Type.Integer({ minimum: 100, maximum: 600_000, default: 30_000 }),
  allowPrivate: Type.Boolean({ default: false }),
};

const endpoint = Type.Object(
  {
    ...receiver,
    queue,
    types: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 100 }),
    concurrency: Type.Integer({ minimum: 1, maximum: 5_000, default: 10 }),
    laterMs: Type.Integer({ minimum: 1_000, maximum: LIMITS.timeoutMs, default: 1_800_000 }),
    maxRetries: Type.Integer({ minimum: 0, maximum: LIMITS.maxRetries, default: 3 }),
    backoff: Type.Optional(backoff),
  },
  closed,
);

/** The events that can be sent to a webhook. */
const WEBHOOK_EVENTS = ["completed", "dead", "flow.ended"] as const;

const webhook = Type.Object(
  {
    ...receiver,
    queues: Type.Array(queue, { minItems: 1, maxItems: 100, uniqueItems: true }),
    on: Type.Array(OneOf(WEBHOOK_EVENTS), { minItems: 1, uniqueItems: true }),
    // With this backoff, the retries for a receiver that is down end after about 15 hours.
    maxRetries: Type.Integer({ minimum: 0, maximum: LIMITS.maxRetries, default: 16 }),
    backoff: Type.Object(backoff.properties, { ...closed, default: { baseMs: 5_000, maxMs: 21_600_000 } }),
  },
  closed,
);

const fileSchema = Type.Object(
  {
    endpoints: Type.Array(endpoint, { maxItems: 100, default: [] }),
    webhooks: Type.Array(webhook, { maxItems: 100, default: [] }),
    webhookQueue: Type.String({ pattern: QUEUE_NAME_PATTERN, default: "webhooks" }),
    webhookConcurrency: Type.Integer({ minimum: 1, maximum: 5_000, default: 20 }),
  },
  closed,
);
const validator = Compile(fileSchema);

type Ready<T> = Omit<T, "url" | "secrets"> & { url: URL; keys: SigningKey[] };
export type Endpoint = Ready<Static<typeof endpoint>>;
export type Webhook = Ready<Static<typeof webhook>>;

export interface Endpoints {
  endpoints: Endpoint[];
  webhooks: Webhook[];
  webhookQueue: string;
  webhookConcurrency: number;
}

/** Reads the file of endpoints and their secrets. @throws StartupError that lists every problem, and never a secret */
export function readEndpoints(path: string, env: Environment): Endpoints {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new StartupError(`ENDPOINTS_FILE: cannot read "${path}": ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new StartupError(`ENDPOINTS_FILE: "${path}" is not valid JSON`);
  }
  const read = parseEndpoints(value, dirname(path), env);
  if (!Array.isArray(read)) return read;
  throw new StartupError(`ENDPOINTS_FILE: "${path}":\n${read.map((problem) => `  - ${problem}`).join("\n")}`);
}

/**
 * @param folder the folder to which the paths of secrets are relative @returns the problems, or the endpoints if
 * there are none
 */
export function parseEndpoints(value: unknown, folder: string, env: Environment): Endpoints | string[] {
  const filled: unknown = Value.Default(fileSchema, value);
  if (!validator.Check(filled))
    return issuesOf(validator, filled).map(
      ({ instancePath, message }) => `${instancePath === "" ? "the file" : instancePath} ${message}`,
    );
  const problems: string[] = [...nameProblems(filled)];
  const ready = <T extends Static<typeof endpoint> | Static<typeof webhook>>(one: T, place: string) => {
    const { url: urlText, secrets, ...rest } = one;
    const url = readUrl(urlText, one.allowPrivate, `${place}/url`, problems);
    const keys = secrets.map((from, index) =>
      readKey(from, folder, env, `${place}/secrets/${index}`, problems),
    );
    return { ...rest, url, keys };
  };
  const read = {
    endpoints: filled.endpoints.map((one, index) => ready(one, `/endpoints/${index}`)),
    webhooks: filled.webhooks.map((one, index) => ready(one, `/webhooks/${index}`)),
    webhookQueue: filled.webhookQueue,
    webhookConcurrency: filled.webhookConcurrency,
  };
  return problems.length > 0 ? problems : (read as Endpoints);
}

function* nameProblems({ endpoints, webhooks, webhookQueue }: Static<typeof fileSchema>): Generator<string> {
  const names = new Set<string>();
  const types = new Map<string, string>();
  for (const [kind, list] of Object.entries({ endpoints, webhooks }))
    for (const [index, one] of list.entries()) {
      if (names.has(one.name))
        yield `/${kind}/${index}/name "${one.name}" is used twice: choose another name`;
      names.add(one.name);
    }
  for (const [index, { queue, types: own, name }] of endpoints.entries()) {
    if (queue === webhookQueue)
      yield `/endpoints/${index}/queue is the queue of webhooks: choose another queue, or another webhookQueue`;
    for (const type of own) {
      const other = types.get(`${queue} ${type}`);
      if (other !== undefined)
        yield `/endpoints/${index}/types has "${type}" of the queue ${queue}, which ${other} has too: leave it to one of them`;
      types.set(`${queue} ${type}`, name);
    }
  }
  for (const [index, { queues }] of webhooks.entries())
    if (queues.includes(webhookQueue))
      yield `/webhooks/${index}/queues has the queue of webhooks: each delivery would cause another one`;
}

function readUrl(text: string, allowPrivate: boolean, place: string, problems: string[]): URL | undefined {
  if (!URL.canParse(text)) {
    problems.push(`${place} has to be a URL, such as https://example.com/tasks`);
    return undefined;
  }
  const url = new URL(text);
  const problem = urlProblem(url, allowPrivate, ALLOW_PRIVATE);
  if (problem !== undefined) problems.push(`${place} ${problem}`);
  return url;
}

const HOW = 'make one with: echo "whsec_$(openssl rand -base64 32)"';

function readKey(
  from: Static<typeof secret>,
  folder: string,
  env: Environment,
  place: string,
  problems: string[],
): SigningKey | undefined {
  if ((from.env === undefined) === (from.file === undefined)) {
    problems.push(`${place} needs either "env", the name of a variable, or "file", a path`);
    return undefined;
  }
  const source = from.env ?? resolve(folder, from.file as string);
  let text: string | undefined;
  try {
    text = from.env === undefined ? readFileSync(source, "utf8") : env[from.env];
  } catch (error) {
    problems.push(`${place}/file: cannot read it: ${(error as Error).message}`);
    return undefined;
  }
  const key = readSecret((text ?? "").trim());
  if (key) return key;
  const what = text === undefined || text === "" ? `${source} is not set` : `${source} is not a valid secret`;
  problems.push(`${place}: ${what}: it has to be whsec_ and 24 to 64 bytes in base64; ${HOW}`);
  return undefined;
}
