import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";

// `make docs` writes the pages and this file (site/build.mjs).
const sidebar = JSON.parse(readFileSync(join(import.meta.dirname, "pages/sidebar.json"), "utf8"));

/** The anchor that GitHub gives to a heading, so that the links to headings work there and here. */
function slugify(title) {
  return title
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** Diagrams are drawn in the browser, in the colours of the theme. */
function drawDiagrams(md) {
  const { fence } = md.renderer.rules;
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const { info, content } = tokens[index];
    if (info.trim() !== "mermaid") return fence(tokens, index, ...rest);
    return `<MermaidDiagram text="${encodeURIComponent(content)}" />`;
  };
}

export default defineConfig({
  lang: "en-GB",
  title: "Holdfast",
  description: "A distributed task queue on Redis and Lua that does not let go of a task.",
  base: process.env.DOCS_BASE ?? "/",
  srcDir: ".vitepress/pages",
  // Pages name the addresses of services that a reader starts.
  ignoreDeadLinks: "localhostLinks",
  outDir: "dist",
  // Otherwise each page would repeat the whole sidebar as data.
  metaChunk: true,
  cacheDir: "node_modules/.vitepress",
  head: [["link", { rel: "icon", href: `${process.env.DOCS_BASE ?? "/"}icon.svg`, type: "image/svg+xml" }]],
  // The pages have no HTML. Without this, a `<queue>` in a text would be an element.
  markdown: {
    html: false,
    anchor: { slugify },
    config: drawDiagrams,
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  themeConfig: {
    sidebar,
    nav: [
      { text: "Guide", link: "/getting-started" },
      { text: "Recipes", link: "/recipes" },
      { text: "API", link: "/api/" },
      { text: "Compare", link: "/comparison" },
    ],
    outline: [2, 3],
    search: { provider: "local", options: { _render: renderForSearch } },
    docFooter: { prev: "Previous page", next: "Next page" },
  },
});

/** Leaves pages of source code out of the search. */
function renderForSearch(source, env, md) {
  const html = md.render(source, env);
  return env.frontmatter?.search === false ? "" : html;
}
