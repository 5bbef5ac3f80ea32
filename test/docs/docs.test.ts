import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ERROR_STATUS } from "../../packages/contracts/src/errors.ts";
import { DEAD_REASONS, TASK_STATES } from "../../packages/contracts/src/states.ts";
import { queueKeys, systemKeys } from "../../packages/holdfast/src/redis/keys.ts";
import { configSchema as dispatcher } from "../../services/dispatcher/src/config.ts";
import { configSchema as janitor } from "../../services/janitor/src/config.ts";
import { observabilityConfig as observability } from "../../services/observability/src/config.ts";
import { configSchema as producerApi } from "../../services/producer-api/src/config.ts";
import { configSchema as worker } from "../../services/worker/src/config.ts";
import { configSchema as workerApi } from "../../services/worker-api/src/config.ts";

const root = resolve(import.meta.dirname, "../..");
/** Returns a page without the spaces that the formatter adds to table cells. */
function read(path: string): string {
  const text = readFileSync(join(root, path), "utf8");
  return path.endsWith(".md")
    ? text.replace(/^\|.*$/gm, (row) => row.replaceAll(/ *\| */g, " | ").trim())
    : text;
}
const services: Record<string, { properties: object }> = {
  "producer-api": producerApi,
  "worker-api": workerApi,
  worker,
  janitor,
  observability,
  dispatcher,
};

/** Returns the paths of all Markdown pages of the repository. */
function pages(folder = ""): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return /^(node_modules|dist|images|coverage|\..*)$/.test(entry.name) ? [] : pages(path);
    }
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

describe("docs/keys.md", () => {
  const page = read("docs/keys.md");

  test("describes every part of a queue's keys and every key of the system", () => {
    const parts = Object.values(queueKeys("p", "q")).map((key: string) => key.slice("p:{q}:".length));
    expect(parts.filter((part) => !page.includes(`\n| \`${part}\` |`))).toEqual([]);
    const keys = Object.values(systemKeys("p")).map((key) => key.replace(/^p:/, "<prefix>:"));
    expect(keys.filter((key) => !page.includes(`\n| \`${key}\` |`))).toEqual([]);
  });

  test("describes no part that does not exist", () => {
    const section = page.slice(page.indexOf("## Of one queue"), page.indexOf("## Of the system"));
    const described = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, part]) => part);
    const parts = Object.values(queueKeys("p", "q")).map((key: string) => key.slice("p:{q}:".length));
    expect(described.filter((part) => !parts.includes(part ?? ""))).toEqual([]);
  });

  test("describes the record fields that only the scripts use", () => {
    const sources = [...scriptFiles, ...luaFiles("lua/lib")].map((path) => read(path)).join("\n");
    const fields = new Set([...sources.matchAll(/'(#[a-z]+)'/g)].map(([, field]) => field ?? ""));
    expect(fields.size).toBeGreaterThan(3);
    expect([...fields].filter((field) => !page.includes(`\n| \`${field}\` |`))).toEqual([]);
  });
});

function luaFiles(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".lua"))
    .map((name) => join(folder, name));
}

const scriptFiles = ["lua/transitions", "lua/queries", "lua/operators"].flatMap(luaFiles);

describe("docs/state-machine.md", () => {
  const page = read("docs/state-machine.md");

  test("has a section for every state and a row for every reason of death", () => {
    expect(TASK_STATES.filter((state) => !page.includes(`\n## ${state}\n`))).toEqual([]);
    expect(DEAD_REASONS.filter((reason) => !page.includes(`\n| \`${reason}\` |`))).toEqual([]);
  });

  test("together with docs/scripts.md, names every script", () => {
    const both = page + read("docs/scripts.md");
    const scripts = scriptFiles.map((path) => basename(path, ".lua"));
    expect(scripts.filter((script) => !both.includes(`\`${script}\``))).toEqual([]);
  });

  test("the diagram has every move that the header of a script declares", () => {
    const drawn = new Set(
      [...page.matchAll(/^ {4}(\S+) --> ([a-z]+)(?::|$)/gm)].map(([, from, to]) => `${from} -> ${to}`),
    );
    const missing = scriptFiles.flatMap((path) => {
      // A long MOVES list continues on indented lines.
      const moves = (/^-- MOVES\s+(.*(?:\n-- {2,}.*)*)/m.exec(read(path))?.[1] ?? "").replace(/\n-- +/g, " ");
      // The diagram has no arrow for `empty`, because an operator can empty almost any state.
      if (moves === "nothing" || path === "lua/transitions/empty.lua" || moves.startsWith("nothing:"))
        return [];
      return moves.split(";").flatMap((move) => {
        const [from = "", to = ""] = move.replaceAll(/\([^)]*\)/g, "").split("->");
        const sources = from.trim() === "" ? ["[*]"] : from.split("|");
        return sources.flatMap((source) =>
          to
            .split("|")
            .map((target) => `${source.trim()} -> ${target.trim()}`)
            .filter((pair) => !drawn.has(pair)),
        );
      });
    });
    expect(missing).toEqual([]);
  });
});

describe("docs/configuration.md", () => {
  const page = read("docs/configuration.md");
  /**
   * The heading of each table, with the services whose variables are in it. The column "Service" names the services
   * that read a variable.
   */
  const tables: [string, string[]][] = [
    ["All services", Object.keys(services)],
    ["HTTP services", ["producer-api", "worker-api", "observability"]],
    ["Worker and janitor", ["worker", "janitor"]],
    ["Dispatcher", ["dispatcher"]],
  ];
  const rows = new Map(
    tables.flatMap(([title, readers]) => {
      const section = page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
      return [...section.matchAll(/^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|/gm)].map(
        ([, name = "", who = "", value]) => [name, { who: whoReads(who, readers), value }] as const,
      );
    }),
  );

  function whoReads(cell: string, readers: string[]): string[] {
    if (["all", "both", "APIs"].includes(cell)) return readers;
    const [, missing] = /^all but (.*)$/.exec(cell) ?? [];
    if (missing !== undefined) return readers.filter((service) => service !== missing);
    return cell.split(", ").flatMap((one) => (one === "APIs" ? readers : [one]));
  }

  test("has every variable of every service, with the services that read it", () => {
    const expected: Record<string, string[]> = {};
    for (const [service, schema] of Object.entries(services)) {
      for (const name of Object.keys(schema.properties)) {
        expected[name] = [...(expected[name] ?? []), service].sort();
      }
    }
    const told = [...rows].map(([name, { who }]) => [name, who.toSorted()]);
    expect(Object.fromEntries(told)).toEqual(expected);
  });

  test("no cell of a table is too wide to read", () => {
    const cells = page.match(/^\|.*$/gm)?.flatMap((row) => row.split(" | ")) ?? [];
    expect(cells.length).toBeGreaterThan(100);
    expect(cells.filter((cell) => cell.length > 110)).toEqual([]);
  });

  test("has the right defaults", () => {
    const wrong: string[] = [];
    for (const schema of Object.values(services)) {
      for (const [name, property] of Object.entries(schema.properties)) {
        const { default: value } = property as { default?: unknown };
        // A default value may contain the path of this checkout, which the page does not have.
        const text = String(value).replace(`${root}/`, "");
        const told = rows.get(name)?.value;
        if (told !== (value === undefined ? "–" : `\`${text}\``)) wrong.push(`${name}: ${told}, not ${text}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

test("docs/errors.md has every error code with its status, what it means and what to do", () => {
  const rows = [...read("docs/errors.md").matchAll(/^\| `(\w+)` \| (\d+) \| (.{20,}?) \| (.{15,}) \|$/gm)];
  const told = rows.map(([, code = "", status]) => [code, Number(status)]);
  expect(told.length).toBe(new Set(told.map(([code]) => code)).size);
  expect(Object.fromEntries(told)).toEqual(ERROR_STATUS);
});

test("every test that docs/guarantees.md names exists", () => {
  const rows = [
    ...read("docs/guarantees.md").matchAll(/^\| \S+ +\| .*? +\| \[.*?\]\(\.\.\/(.*?)\) +\| (.*?) +\|$/gm),
  ];
  expect(rows.length).toBeGreaterThan(40);
  const unknown = rows.filter(([, file, name]) => !(file && read(file).includes(`"${name}"`)));
  expect(unknown.map(([row]) => row)).toEqual([]);
});

test("every make target and pnpm script that a page names exists", () => {
  const makefile = read("Makefile");
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const missing = pages().flatMap((path) => {
    const page = read(path);
    // Only code is searched, because prose uses the word "make" too.
    const code = [...page.matchAll(/```sh\n[\s\S]*?```|`[^`\n]+`/g)].map(([text]) => text).join("\n");
    const targets = [...code.matchAll(/(?:^|[\s`&])make ([a-z][a-z-]*)/gm)].map(([, target]) => target ?? "");
    const run = [...code.matchAll(/pnpm run ([a-z][a-z:-]*)/g)].map(([, script]) => script ?? "");
    return [
      ...targets
        .filter((target) => !makefile.includes(`\n${target}:`))
        .map((name) => `${path}: make ${name}`),
      ...run.filter((script) => scripts[script] === undefined).map((name) => `${path}: pnpm run ${name}`),
    ];
  });
  expect(missing).toEqual([]);
});

test("every relative link leads to a file that exists", () => {
  const broken = pages().flatMap((path) => {
    const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? "");
    return links
      .filter((link) => !/^([a-z]+:|#)/.test(link))
      .filter((link) => !existsSync(join(root, dirname(path), link.replace(/#.*/, ""))))
      .map((link) => `${path}: ${link}`);
  });
  expect(broken).toEqual([]);
});

/** Returns the anchors that GitHub gives to the headings of a page. */
function anchors(page: string): string[] {
  return [...page.matchAll(/^#{1,6} (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every link to a heading leads to one that exists", () => {
  const broken = pages().flatMap((path) => {
    const links = [...read(path).matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g)];
    return links
      .filter(([, target, anchor = ""]) => {
        const page = target ? join(dirname(path), target) : path;
        return page.endsWith(".md") && !anchors(read(page)).includes(anchor);
      })
      .map(([, target, anchor]) => `${path}: ${target}#${anchor}`);
  });
  expect(broken).toEqual([]);
});

test("the README is at most 14 kB", () => {
  expect(Buffer.byteLength(readFileSync(join(root, "README.md")))).toBeLessThanOrEqual(14_000);
});

test("no page has a placeholder instead of a figure", () => {
  expect(pages().filter((path) => read(path).includes("TODO-MEASURE"))).toEqual([]);
});
