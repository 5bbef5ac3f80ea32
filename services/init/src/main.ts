// Makes the missing secrets of a stack, and shows or renews one of them:
//
//   node services/init/dist/main.js --folder <folder> [options] create | show NAME... | show --once NAME | rotate NAME | ls
//
// The program runs once and ends. In Compose it is the service `init`; on the bare machine scripts/metal.mjs calls it.
import { parseArgs } from "node:util";
import { openSecrets, type Secrets } from "./secrets.ts";

const USAGE = `usage: init --folder <folder> [options] create | show NAME... | show --once NAME | rotate NAME | ls
  --prefix queue         QUEUE_PREFIX: the keys that Redis users may access
  --redis-version 7.2    version of the Redis that reads the aclfile
  --redis-port 6379
  --tls 1                make certificates, and let Redis accept only TLS; empty: no TLS
  --groups               each reader has a group of its own (Compose)
  --how "make key"       the command that shows the key, for the message of create`;

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      folder: { type: "string" },
      prefix: { type: "string", default: "queue" },
      "redis-version": { type: "string", default: "7.2" },
      "redis-port": { type: "string", default: "6379" },
      tls: { type: "string", default: "" },
      groups: { type: "boolean", default: false },
      how: { type: "string", default: "make key" },
      once: { type: "boolean", default: false },
    },
  });
  if (values.folder === undefined) throw new RangeError(USAGE);
  if (values.tls !== "" && values.tls !== "1")
    throw new RangeError(`HOLDFAST_TLS is "${values.tls}", expected 1 for TLS or nothing`);
  const redisPort = Number(values["redis-port"]);
  if (!Number.isInteger(redisPort) || redisPort < 1 || redisPort > 65_535)
    throw new RangeError(`"${values["redis-port"]}" is not a valid port`);
  const { folder, prefix, groups } = values;
  const secrets = { folder, prefix, groups, redisPort, tls: values.tls === "1" };
  return {
    command: positionals[0] ?? "create",
    names: positionals.slice(1),
    once: values.once,
    how: values.how,
    secrets: { ...secrets, redisVersion: values["redis-version"] },
  };
}

async function run(secrets: Secrets, command: string, names: string[], once: boolean, how: string) {
  const [name = ""] = names;
  switch (command) {
    case "create": {
      const made = await secrets.create();
      // The text of the key is never printed here, because the output ends up in the logs of a container.
      if (made.length === 0) return `secrets: none are missing. The admin key: ${how}`;
      return `secrets: made ${made.join(", ")}. The admin key: ${how}`;
    }
    case "show":
      return once ? secrets.showOnce(name) : names.map(secrets.show).join("\n");
    case "rotate":
      return `secrets: made ${(await secrets.rotate(name)).join(", ")}. Restart the services that read it`;
    case "ls":
      return secrets.names().join("\n");
    default:
      throw new RangeError(USAGE);
  }
}

try {
  const { command, names, once, how, secrets } = options();
  const text = await run(openSecrets(secrets), command, names, once, how);
  if (text !== null) process.stdout.write(`${text}\n`);
} catch (error) {
  // A wrong argument or an unwritable folder needs no stack trace.
  process.stderr.write(`init: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
