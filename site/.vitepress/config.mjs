import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";

// `make docs` writes the pages and this sidebar (site/build.mjs).
const sidebar = JSON.parse(readFileSync(join(import.meta.dirname, "pages/sidebar.json"), "utf8"));

/** Returns the same anchor for a heading as GitHub does, so that links to headings work on both sites. */
function slugify(title) {
  return title
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** The browser draws the diagrams, in the colours of the theme. */
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
  // The pages contain links to services on the reader's machine, which the check of dead links cannot reach.
  ignoreDeadLinks: "localhostLinks",
  outDir: "dist",
  // Without this, each page would contain the whole sidebar as data.
  metaChunk: true,
  cacheDir: "node_modules/.vitepress",
  head: [["link", { rel: "icon", href: `${process.env.DOCS_BASE ?? "/"}icon.svg`, type: "image/svg+xml" }]],
  // The pages contain no HTML. With HTML enabled, a `<queue>` in a text would become an element.
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

/** Returns nothing for pages of source code, so that the search does not contain them. */
function renderForSearch(source, env, md) {
  const html = md.render(source, env);
  return env.frontmatter?.search === false ? "" : html;
}
