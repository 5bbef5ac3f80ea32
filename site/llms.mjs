// Writes llms.txt, a list of the pages for language models, and llms-full.txt with all of their text
// (https://llmstxt.org). Each page is also in the site as Markdown.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { summaryOf } from "./links.mjs";

const flat = (items) => items.flatMap((item) => [item, ...flat(item.items ?? [])]);

export function writeLlms(pages, site, sidebar) {
  cpSync(pages, site, { recursive: true, filter: (path) => !/\/pages\/(public|source)$|\.json$/.test(path) });
  const texts = [];
  const sections = sidebar.map(({ text, items }) => {
    const lines = flat(items)
      // The API has too many pages for this list. Their summaries are in the list of names of the API.
      .filter(({ link }) => link && !/^\/api\/./.test(link))
      .map(({ text: title, link }) => {
        const path = `${link.slice(1)}${link.endsWith("/") ? "index" : ""}.md`;
        const page = readFileSync(join(pages, path), "utf8");
        texts.push(`<!-- ${path} -->\n\n${page}`);
        const summary = summaryOf(page);
        return `- [${title}](${path})${summary && `: ${summary}`}`;
      });
    return `## ${text}\n\n${lines.join("\n")}`;
  });
  const head =
    "# Holdfast\n\n> Holdfast is a distributed task queue on Redis and Lua that does not let go of a task: a TypeScript " +
    "library, HTTP APIs, clients for Python and Go, a command and a dashboard.\n";
  writeFileSync(join(site, "llms.txt"), `${head}\n${sections.join("\n\n")}\n`);
  writeFileSync(join(site, "llms-full.txt"), `${head}\n${texts.join("\n\n")}`);
}
