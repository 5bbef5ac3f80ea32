// Writes the reference of the library. TypeDoc makes it from the types and their comments.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ERROR_STATUS } from "../packages/contracts/dist/errors.js";
import { placeOf, root } from "./pages.mjs";

/** Writes a page for each exported name. Returns their sidebar, and the number of pages. */
export function writeApiReference(target) {
  const folder = join(target, "api");
  const modules = join(root, "site/node_modules");
  execFileSync(
    process.execPath,
    [
      join(modules, "typedoc/bin/typedoc"),
      "--options",
      join(root, "site/.vitepress/typedoc.json"),
      "--out",
      folder,
    ],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
  );
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".md"),
  );
  for (const name of names) {
    const file = join(folder, name);
    writeFileSync(file, linked(readFileSync(file, "utf8")));
  }
  const [{ title: main, path, children }] = JSON.parse(readFileSync(join(folder, "navigation.json"), "utf8"));
  const isEntry = (each) => each.path?.endsWith("/index.md");
  const items = [
    { title: main, path, children: children.filter((each) => !isEntry(each)) },
    ...children.filter(isEntry).map((each) => ({ ...each, title: `${main}/${each.title}` })),
  ].map((entry) => itemOf(entry.path, entry));
  return { count: names.length, items: [{ text: "All names", link: "/api/" }, ...items] };
}

/** @param entry the page of an entry point, which has a heading for each kind of name */
function itemOf(entry, { title, path = `${entry}#${title.toLowerCase().replaceAll(" ", "-")}`, children }) {
  return {
    text: title,
    link: `/api/${path.replace(/(index)?\.md/, "")}`,
    ...(children ? { collapsed: true, items: children.map((child) => itemOf(entry, child)) } : {}),
  };
}

/** Adds links. Comments name pages as `docs/steps.md`, and error codes after `HoldfastError`. */
function linked(text) {
  return text
    .replaceAll(/(?<![\w/[`]|\]\()docs\/([\w/-]+\.md)(#[\w-]+)?/g, (all, name, anchor = "") =>
      existsSync(join(root, "docs", name)) ? `[${all}](/${placeOf(`docs/${name}`)}.md${anchor})` : all,
    )
    .replaceAll(/^HoldfastError .*$/gm, (line) =>
      line.replaceAll(/\w+/g, (word) => (word in ERROR_STATUS ? `[${word}](/errors.md)` : word)),
    );
}
