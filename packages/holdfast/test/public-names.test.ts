import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import * as holdfast from "../src/index.ts";
import * as opentelemetry from "../src/opentelemetry/index.ts";
import * as operate from "../src/operate.ts";
import * as remote from "../src/remote/index.ts";
import * as testing from "../src/testing/index.ts";

const root = resolve(import.meta.dirname, "../../..");
const page = readFileSync(resolve(root, "docs/library.md"), "utf8");
const { exports: entries } = JSON.parse(
  readFileSync(resolve(root, "packages/holdfast/package.json"), "utf8"),
) as { exports: Record<string, unknown> };

const ENTRIES: Record<string, object> = {
  holdfast,
  "holdfast/operate": operate,
  "holdfast/remote": remote,
  "holdfast/testing": testing,
  "holdfast/opentelemetry": opentelemetry,
};
/** Maps each entry point to the text below its heading. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => [/`(.+)`/.exec(text)?.[1] ?? "", text.slice(text.indexOf("\n"))]),
);

test("the page of exported names has every entry of the package and no other", () => {
  const named = Object.keys(entries).map((entry) => entry.replace(".", "holdfast"));
  expect(Object.keys(ENTRIES)).toEqual(named);
  expect([...sections.keys()]).toEqual(named);
});

test.each(Object.entries(ENTRIES))(
  "%s exports exactly the names that the page lists, and the page gives their number",
  (entry, exported) => {
    const section = sections.get(entry) ?? "";
    const listed = [...section.matchAll(/^(?:\| )?`(\w+)`/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(Object.keys(exported).sort());
    expect(listed).toHaveLength(Number(/^(\d+) names/m.exec(section)?.[1] ?? 1));
  },
);

/**
 * Returns each file from which an entry point exports names, with its text and these names. Null stands for all
 * names.
 */
function declaredIn(entry: string): [text: string, names: string[] | null][] {
  const path = resolve(root, "packages/holdfast/src", entry);
  const exported = readFileSync(path, "utf8").matchAll(
    /^export (?:type )?(?:\*|\{([^}]*)\}) from "([^"]+)"/gm,
  );
  return [...exported].map(([, list, from = ""]) => {
    const names = list?.split(",").flatMap((name) => /(\w+)\s*$/.exec(name)?.[1] ?? []) ?? null;
    if (from.startsWith(".")) return [readFileSync(resolve(path, "..", from), "utf8"), names];
    const sources = resolve(root, "packages/contracts/src");
    const files = readdirSync(sources).filter((name) => /(?<!\.test)\.ts$/.test(name));
    return [files.map((name) => readFileSync(resolve(sources, name), "utf8")).join("\n"), names];
  });
}

test.each(["index.ts", "operate.ts", "remote/index.ts", "testing/index.ts", "opentelemetry/index.ts"])(
  "every name that %s exports has a doc comment",
  (entry) => {
    const without = declaredIn(entry).flatMap(([text, names]) =>
      [
        ...text.matchAll(
          /(^ ?\*\/|\*\/|)\n(?:\/\/ biome.*\n)?export (?:(?:abstract|async) )*(?:class|const|function|interface|type) (\w+)/gm,
        ),
      ]
        .filter(([, comment, name = ""]) => comment === "" && (names === null || names.includes(name)))
        .map(([, , name]) => name),
    );
    expect(without).toEqual([]);
  },
);

/** The declaration files (.d.ts) of the library and its contracts. */
const declarations = ["packages/holdfast/dist", "packages/contracts/dist"].flatMap((folder) =>
  readdirSync(resolve(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".d.ts"))
    .map((name) => readFileSync(resolve(root, folder, name), "utf8")),
);

/** Returns the members of a class, an interface or an object type, and whether each has a doc comment. */
function membersOf(type: string): { name: string; hasComment: boolean }[] {
  const head = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:class|interface|type) ${type}\\b[^\\n]*\\{\\n([\\s\\S]*?)^\\}`,
    "m",
  );
  const body = declarations.map((text) => head.exec(text)?.[1]).find((text) => text !== undefined) ?? "";
  const lines = body.split("\n");
  return lines.flatMap((line, at) => {
    const name = /^ {4}(?:(?:static|readonly|get|set|abstract) )*(\w+)\??[(:<]/.exec(line)?.[1];
    return name === undefined || name === "constructor"
      ? []
      : [{ name: `${type}.${name}`, hasComment: lines[at - 1]?.endsWith("*/") === true }];
  });
}

test.each(["index.ts", "testing/index.ts"])(
  "every member of the types that %s exports has a doc comment",
  (entry) => {
    const members = declaredIn(entry).flatMap(([, names]) => (names ?? []).flatMap(membersOf));
    expect(members.length).toBeGreaterThan(20);
    const documented = new Set(members.filter(({ hasComment }) => hasComment).map(({ name }) => name));
    // A method with several signatures needs only one comment.
    expect(members.filter(({ name }) => !documented.has(name)).map(({ name }) => name)).toEqual([]);
  },
);
