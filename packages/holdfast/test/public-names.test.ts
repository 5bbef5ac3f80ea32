import { readFileSync } from "node:fs";
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
/** Maps each entry to the text below its heading. */
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
