// Builds the documentation site into site/dist. It consists of static files that load nothing from other sites.
//
//   node site/build.mjs         (`make docs` installs the packages that it needs)
//   DOCS_BASE=/docs/            the path below which the site will be served
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeApiReference } from "./api-reference.mjs";
import { writeHttpReference } from "./http-reference.mjs";
import { deadLinks, stagePages } from "./links.mjs";
import { writeLlms } from "./llms.mjs";
import { root, sidebar } from "./pages.mjs";

const settings = join(root, "site/.vitepress");
const pages = join(settings, "pages");
const site = join(root, "site/dist");

rmSync(pages, { recursive: true, force: true });
mkdirSync(join(pages, "public"), { recursive: true });
writeFileSync(join(pages, "index.md"), `---\n${readFileSync(join(settings, "home.json"), "utf8")}---\n`);
copyFileSync(join(root, "dashboard/public/favicon.svg"), join(pages, "public/icon.svg"));
cpSync(join(root, "docs/images"), join(pages, "public/images"), { recursive: true });

const staged = stagePages(pages);
const api = writeApiReference(pages);
const http = await writeHttpReference(pages);
const items = sidebar({ api: { text: "API reference", link: "/api/" }, "http-reference": http.item });
// Every page contains its whole sidebar. So the many names of the API are only in the sidebar of the API pages.
writeFileSync(
  join(pages, "sidebar.json"),
  JSON.stringify({ "/api/": api.items, "/source/": [], "/": items }),
);

rmSync(site, { recursive: true, force: true });
const vitepress = join(root, "site/node_modules/vitepress/bin/vitepress.js");
execFileSync(process.execPath, [vitepress, "build", "site"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
});
writeLlms(pages, site, items);

const { links, dead, pages: built } = deadLinks(site, process.env.DOCS_BASE ?? "/");
for (const line of dead) console.error(`dead link: ${line}`);
console.log(
  `${built} pages: ${staged.pages} of the repository, ${staged.sources} sources, ${api.count} of the API, ` +
    `${http.count} HTTP operations; ${links} links, ${dead.length} dead`,
);
process.exitCode = dead.length > 0 ? 1 : 0;
