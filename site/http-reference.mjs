// Writes the HTTP reference from the API descriptions that the services serve at /openapi.json. No Redis is needed,
// because a service listens before it has found its Redis.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "./pages.mjs";

const APIS = [
  ["producer-api", "Producers", "PORT", 3000],
  ["worker-api", "Workers", "WORKER_API_PORT", 3002],
  ["observability", "Operators", "OBSERVABILITY_PORT", 3001],
];

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts a service, and returns its API description. */
async function descriptionOf(service, variable) {
  const port = await freePort();
  const env = { REDIS_URL: "redis://127.0.0.1:1", LOG_LEVEL: "fatal", [variable]: String(port) };
  const main = join(root, "services", service, "dist/main.js");
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "ignore", "inherit"] });
  try {
    for (const end = Date.now() + 60_000; Date.now() < end && child.exitCode === null; await sleep(100)) {
      const answer = await fetch(`http://127.0.0.1:${port}/openapi.json`).catch(() => undefined);
      if (answer?.ok) return await answer.json();
    }
    throw new Error(`${service} did not serve its API description`);
  } finally {
    child.kill("SIGKILL");
  }
}

/** Returns the API descriptions: name of the service -> description. */
export async function descriptions() {
  const found = APIS.map(async ([service, , variable]) => [service, await descriptionOf(service, variable)]);
  return Object.fromEntries(await Promise.all(found));
}

const escaped = (text) =>
  text
    .split(/(`[^`]*`)/)
    .map((part, index) =>
      index % 2 ? part : part.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("{{", "{ {"),
    )
    .join("");
const cell = (text) => escaped(text).replaceAll("|", "\\|").replaceAll("\n", " ");
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const RANGES = [
  ["minimum", "maximum", ""],
  ["minLength", "maxLength", " characters"],
  ["minItems", "maxItems", " items"],
];

function rangeOf(schema) {
  return RANGES.flatMap(([low, high, unit]) => {
    const [least, most] = [schema[low], schema[high]].map((n) => n?.toLocaleString("en"));
    if (least === undefined && most === undefined) return [];
    if (most === undefined) return `at least ${least}${unit}`;
    return least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`;
  }).join(", ");
}

/** Returns the type of a value in words, such as `string, 1 to 64 characters`. */
function typeOf(schema) {
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(typeOf))].join(" or ");
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(" or ");
  if ("const" in schema) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.type === "array") return `array of ${schema.items ? typeOf(schema.items) : "any JSON"}`;
  const range = rangeOf(schema);
  return `${schema.type ?? "any JSON"}${range && `, ${range}`}`;
}

/** Returns the fields of an object, including the fields of objects inside it. */
function fieldsOf(schema, before = "") {
  if (schema.type === "array" && schema.items)
    return fieldsOf(schema.items, `${before.replace(/\.$/, "")}[].`);
  for (const option of schema.anyOf ?? schema.oneOf ?? []) {
    const fields = fieldsOf(option, before);
    if (fields.length > 0) return fields;
  }
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const about = [
      field.description,
      field.default !== undefined && `Default: \`${JSON.stringify(field.default)}\`.`,
    ];
    const required = schema.required?.includes(name) ? "yes" : "";
    return [
      [`\`${before}${name}\``, cell(typeOf(field)), required, cell(about.filter(Boolean).join(" "))],
      ...fieldsOf(field, `${before}${name}.`),
    ];
  });
}

const FIELD_HEAD = ["Field", "Type", "Required", "Meaning"];

function bodyOf(title, content) {
  return Object.entries(content ?? {}).flatMap(([type, { schema = {} }]) => {
    const fields = fieldsOf(schema);
    const about = `**${title}** (\`${type}\`)${schema.description ? `: ${escaped(schema.description)}` : ""}`;
    return fields.length > 0 ? [about, table(FIELD_HEAD, fields)] : [`${about}: ${cell(typeOf(schema))}`];
  });
}

function operation(path, method, { summary, description, parameters = [], requestBody, responses, ...rest }) {
  const scope = rest["x-scope"];
  const fields = parameters.map(({ name, in: place, required, description: about = "", schema }) => [
    `\`${name}\``,
    place,
    cell(typeOf(schema)),
    required ? "yes" : "",
    cell(about || schema.description || ""),
  ]);
  const answers = Object.entries(responses).flatMap(([status, { content }]) => {
    const isError = !/^[23]/.test(status);
    return isError
      ? []
      : content
        ? bodyOf(`Answer ${status}`, content)
        : [`**Answer ${status}**, without a body`];
  });
  return [
    `## ${summary}`,
    `\`${method.toUpperCase()} ${path}\``,
    scope === "public" ? "Needs no key." : `Needs a key with the scope \`${scope}\`.`,
    ...(description ? [escaped(description)] : []),
    ...(fields.length > 0 ? [table(["Parameter", "In", "Type", "Required", "Meaning"], fields)] : []),
    ...bodyOf("Request body", requestBody?.content),
    ...answers,
  ].join("\n\n");
}

/**
 * Writes a page for each tag of each API, and a list of all pages. Returns their entry in the sidebar, and the number
 * of operations.
 */
export async function writeHttpReference(target) {
  const found = await descriptions();
  const folder = join(target, "http-reference");
  mkdirSync(folder, { recursive: true });
  const list = ["# HTTP reference", "All operations. [HTTP](/http.md) shows how they are used."];
  const items = [];
  let count = 0;
  for (const [service, who, , port] of APIS) {
    const rows = [];
    const byTag = new Map();
    for (const [path, methods] of Object.entries(found[service].paths)) {
      for (const [method, about] of Object.entries(methods)) {
        const [tag] = about.tags;
        byTag.set(tag, [...(byTag.get(tag) ?? []), operation(path, method, about)]);
        rows.push([
          `[${about.summary}](/http-reference/${nameOf(service, tag)}.md)`,
          `\`${method.toUpperCase()} ${path}\``,
        ]);
      }
    }
    count += rows.length;
    list.push(`## ${service}`, table(["Operation", "Call"], rows));
    for (const [tag, operations] of byTag) {
      const head =
        `# ${who}: ${tag}\n\n${found[service].info.description} Served by \`${service}\`, by default on port ${port}. ` +
        "This page is made from the description that the service serves at `/openapi.json`; a browser finds it at `/docs`. " +
        "Errors are `application/problem+json` with one of the [error codes](/errors.md).";
      writeFileSync(join(folder, `${nameOf(service, tag)}.md`), `${[head, ...operations].join("\n\n")}\n`);
      items.push({ text: `${who}: ${tag}`, link: `/http-reference/${nameOf(service, tag)}` });
    }
  }
  writeFileSync(join(folder, "index.md"), `${list.join("\n\n")}\n`);
  return { count, item: { text: "HTTP reference", link: "/http-reference/", collapsed: true, items } };
}

const nameOf = (service, tag) => `${service}-${tag.replaceAll(" ", "-")}`;
