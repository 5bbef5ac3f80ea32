import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CLUSTER, CONNECTION, INDEXES, ROLES, SINCE_7_2, scriptsOf } from "./roles.mjs";

const redisDir = fileURLToPath(new URL("../../packages/holdfast/src/redis", import.meta.url));

/** The key prefix in the templates. */
const TEMPLATE_PREFIX = "queue";

// Commands that always have a subcommand, such as CONFIG GET.
const CONTAINERS = new Set([
  "ACL",
  "CLIENT",
  "CLUSTER",
  "CONFIG",
  "FUNCTION",
  "MEMORY",
  "OBJECT",
  "PUBSUB",
  "SCRIPT",
]);

/** Returns every command that a script can call. @throws Error if a command is not written as a literal */
export function commandsOf(name, source) {
  const commands = new Set();
  const calls = [...source.matchAll(/redis\.p?call\(([^,()]*)(?:, *'(\w+)')?/g)];
  for (const [call, first, second] of calls) {
    const names = [...first.matchAll(/'([A-Z]+)'/g)].map(([, command]) => command);
    if (names.length === 0) throw new Error(`${name}: cannot tell which command ${call} … is`);
    for (const command of names) {
      if (!CONTAINERS.has(command)) commands.add(command);
      else if (second) commands.add(`${command}|${second}`);
      else throw new Error(`${name}: cannot tell which command of ${command} ${call} … is`);
    }
  }
  // Redis could also be called under another name, which the pattern above would miss. So all uses of redis.call are
  // counted.
  if ([...source.matchAll(/redis\.p?call\b/g)].length !== calls.length)
    throw new Error(`${name}: redis.call is used other than as redis.call('COMMAND', …)`);
  return commands;
}

/** Returns for each script its commands, the parts of a queue that its KEYS name, and whether it publishes. */
export function readScripts() {
  const [ofQueues = "", ofSystem = ""] = readFileSync(join(redisDir, "keys.ts"), "utf8").split(
    "export function systemKeys",
  );
  const partsIn = (text, prefix) =>
    new Map(
      [...text.matchAll(/^ {4}(\w+): key\("([\w:]+)"\)/gm)].map(([, field, part]) => [field, prefix + part]),
    );
  const queueParts = partsIn(ofQueues, "");
  const systemParts = partsIn(ofSystem, ":");
  const scripts = new Map();
  const folder = join(redisDir, "generated");
  for (const file of readdirSync(folder).sort()) {
    const name = basename(file, ".ts");
    if (name === "index") continue;
    const text = readFileSync(join(folder, file), "utf8");
    const source = JSON.parse(/^ {2}source: (".*"),$/m.exec(text)[1]);
    const keyCount = Number(/keyCount: (\d+)/.exec(text)[1]);
    const parts = text.includes("SystemKeys") ? systemParts : queueParts;
    const argv = /argv: \(\w+, \w+\) => \[(.*)\],/.exec(text)[1].split(", ");
    const keys = argv.slice(0, keyCount).flatMap((argument) => {
      if (argument === "a.indexKey" && INDEXES[name]) return INDEXES[name];
      const part = argument.startsWith("k.") ? parts.get(argument.slice(2)) : undefined;
      if (part === undefined) throw new Error(`${name}: cannot tell which key ${argument} is`);
      return [part];
    });
    const commands = commandsOf(name, source);
    scripts.set(name, { commands, keys, publishes: commands.has("SPUBLISH") });
  }
  return scripts;
}

const sorted = (items) => [...new Set(items)].sort();

/**
 * Returns the rules of a role. Redis checks the commands and keys of a script against the rights of the user who runs
 * the script. EVALSHA needs read and write access to all KEYS of a script. So a key can be read-only for a role only
 * if none of its scripts has this key among its KEYS.
 */
export function rulesOf(role, scripts = readScripts()) {
  const { scripts: names, commands, reads = {}, only = [], keyless, listens } = ROLES[role];
  const own = names.map((name) => {
    const script = scripts.get(name);
    if (!script) throw new Error(`scripts/acl/roles.mjs: ${role} runs "${name}", which is not a script`);
    return script;
  });
  const keyOf = (part) => (part.startsWith(":") ? `{:system}${part}` : `{*}:${part}`);
  const publishes = own.some((script) => script.publishes);
  const parts = sorted([...own.flatMap(({ keys }) => keys), ...Object.keys(commands)]);
  const apart = only.map(({ keys = [], keysOf, channels = [], scripts: run = [], commands }) => ({
    keys: (keysOf ? scripts.get(keysOf).keys : keys).map(keyOf),
    channels: channels.map(keyOf),
    // With EVAL the user can run any script on these keys. Redis also checks the commands of such a script.
    commands: sorted([
      ...(run.length > 0 ? ["EVAL", "EVALSHA"] : []),
      ...run.flatMap((name) => [...scripts.get(name).commands]).filter((command) => command !== "TIME"),
      ...commands,
    ]),
  }));
  const elsewhere = new Set(only.flatMap(({ keysOf, commands }) => (keysOf ? commands : [])));
  const inScripts = new Set(
    own.flatMap((script) => [...script.commands]).filter((command) => !elsewhere.has(command)),
  );
  const direct = new Set([
    ...CONNECTION,
    ...keyless,
    ...Object.values(commands).flat(),
    ...Object.values(reads).flat(),
    ...(listens ? ["SSUBSCRIBE", "SUNSUBSCRIBE"] : []),
  ]);
  const notIn = (known) => (command) => !known.has(command);
  return {
    keys: parts.map(keyOf),
    readKeys: sorted(Object.keys(reads)).map(keyOf),
    channels: publishes || listens ? ["{*}:wake", "{*}:wake:*"] : [],
    inScripts: sorted(inScripts),
    direct: sorted(direct)
      .filter(notIn(inScripts))
      .filter(notIn(new Set(SINCE_7_2))),
    newer: sorted(direct).filter((command) => SINCE_7_2.includes(command)),
    cluster: CLUSTER,
    apart,
  };
}

/** Returns the text of infra/redis/acl/<role>.acl. */
export function templateOf(role, scripts = readScripts()) {
  const rules = rulesOf(role, scripts);
  const allow = (commands) => commands.map((command) => `+${command.toLowerCase()}`).join(" ");
  return `${[
    `# The Redis rights of ${ROLES[role].text}.`,
    "# Do not edit: scripts/generate-acl.mjs writes this file from scripts/acl/roles.mjs and the scripts of lua/.",
    "# scripts/acl-users.mjs makes a user with these rights.",
    "reset on",
    "# Keys",
    ...rules.keys.map((key) => `~${TEMPLATE_PREFIX}:${key}`),
    ...rules.readKeys.map((key) => `%R~${TEMPLATE_PREFIX}:${key}`),
    ...(rules.channels.length > 0 ? ["# Channels"] : []),
    ...rules.channels.map((channel) => `&${TEMPLATE_PREFIX}:${channel}`),
    `# Called by the scripts ${sorted(scriptsOf(ROLES[role])).join(", ")}`,
    allow(rules.inScripts),
    "# Sent by the library",
    allow(rules.direct),
    ...(rules.newer.length > 0 ? ["# Redis 7.2 and later"] : []),
    ...rules.newer.map((command) => `7.2: +${command.toLowerCase()}`),
    "# To a Cluster",
    allow(rules.cluster),
    ...(rules.apart.length > 0 ? ["# For these keys or channels alone"] : []),
    ...rules.apart.map(({ keys, channels, commands }) => {
      const names = [
        ...keys.map((key) => `~${TEMPLATE_PREFIX}:${key}`),
        ...channels.map((channel) => `&${TEMPLATE_PREFIX}:${channel}`),
      ];
      return `(${names.join(" ")} ${allow(commands)})`;
    }),
  ].join("\n")}\n`;
}
