// Copies the pages of the repository for the site, and changes their links so that they lead to pages of the site. A
// linked file that is not a page is shown below source/, so that no link leaves the site.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, normalize } from "node:path";
import { PAGES, placeOf, root } from "./pages.mjs";

const LANGUAGES = {
  ".mjs": "js",
  ".py": "python",
  ".yml": "yaml",
  ".conf": "nginx",
  ".example": "sh",
  ".ndjson": "json",
};
/** Matches a fenced block, a link, an image or a comment. Blocks are matched so that links in them stay as they are. */
const BLOCK_OR_LINK = /^( *)(`{3,})[^\n]*\n[\s\S]*?^\1\2`*$|(!?)\]\(([^)\s]+)\)|<!--[\s\S]*?-->\n?/gm;

/** Writes all pages, and the sources that they link to, into the folder. Returns the number of each. */
export function stagePages(target) {
  const waiting = [...PAGES];
  const known = new Set(waiting);
  const want = (path) => {
    if (!known.has(path)) waiting.push(path);
    known.add(path);
    return placeOf(path);
  };
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const file = join(target, `${placeOf(path)}.md`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, path.endsWith(".md") ? pageOf(path, target, want) : sourceOf(path));
  }
  return { pages: PAGES.length, sources: known.size - PAGES.length };
}

function pageOf(path, target, want) {
  const text = readFileSync(join(root, path), "utf8");
  const head = PAGES.includes(path) ? "" : "---\nsearch: false\n---\n\n";
  return (
    head +
    text.replaceAll(BLOCK_OR_LINK, (all, _indent, fence, _image, link) => {
      if (fence) return all;
      if (!link) return "";
      return /^([a-z]+:|#)/.test(link) ? all : `](${linkOf(path, link, target, want)})`;
    })
  );
}

function linkOf(from, link, target, want) {
  const [way, anchor] = link.split("#");
  const found = normalize(join(dirname(from), way)).replace(/\/$/, "");
  if (!existsSync(join(root, found))) throw new Error(`${from} links to ${link}, which does not exist`);
  if (/\.(png|svg)$/.test(found)) {
    const name = `/images/${basename(found)}`;
    mkdirSync(join(target, "public/images"), { recursive: true });
    cpSync(join(root, found), join(target, "public", name));
    return name;
  }
  const readme = join(found, "README.md");
  const file = existsSync(join(root, readme)) ? readme : found;
  // The title of a page of source code is its only heading, so links into such a page have no anchor.
  const hash = anchor && file.endsWith(".md") ? `#${anchor}` : "";
  return `/${want(file)}.md${hash}`;
}

/** Returns a page that shows a file unchanged, or lists the files of a folder. */
function sourceOf(path) {
  const full = join(root, path);
  const head = `---\nsearch: false\noutline: false\n---\n\n# ${path}\n\n`;
  if (statSync(full).isDirectory()) {
    const names = readdirSync(full, { withFileTypes: true })
      .filter(({ name }) => !/^(node_modules|dist|\..*|.*\.egg-info|__pycache__)$/.test(name))
      .map((entry) => `- \`${entry.name}${entry.isDirectory() ? "/" : ""}\``);
    return `${head}A folder of the repository:\n\n${names.join("\n")}\n`;
  }
  const extension = extname(path);
  const text = readFileSync(full, "utf8");
  const longest = Math.max(3, ...[...text.matchAll(/`{3,}/g)].map(([ticks]) => ticks.length + 1));
  const fence = "`".repeat(longest);
  return `${head}A file of the repository:\n\n${fence}${LANGUAGES[extension] ?? extension.slice(1)}\n${text.trimEnd()}\n${fence}\n`;
}

/**
 * Checks every link of the built site: the page has to exist, and to have the heading that the link names. Returns
 * the wrong links.
 */
export function deadLinks(site, base) {
  const pages = readdirSync(site, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".html"),
  );
  const texts = new Map(pages.map((name) => [name, readFileSync(join(site, name), "utf8")]));
  const anchors = new Map(
    [...texts].map(([name, text]) => [
      name,
      new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)),
    ]),
  );
  let links = 0;
  const dead = [];
  for (const [name, text] of texts) {
    const main = text.replaceAll(/<script[\s\S]*?<\/script>/g, "");
    for (const [, attribute, value] of main.matchAll(/ (href|src)="([^"]*)"/g)) {
      if (/^([a-z]+:|\/\/)/.test(value)) {
        if (attribute === "src") dead.push(`${name} loads ${value} from outside`);
        continue;
      }
      links++;
      const [way, anchor] = value.replaceAll("&amp;", "&").split("#");
      let path = decodeURIComponent(way.startsWith(base) ? way.slice(base.length) : join(dirname(name), way));
      if (way === "") path = name;
      if (path === "" || path.endsWith("/")) path += "index.html";
      if (!existsSync(join(site, path))) dead.push(`${name}: ${value}`);
      else if (anchor && anchors.has(path) && !anchors.get(path).has(decodeURIComponent(anchor)))
        dead.push(`${name}: ${value} has no such heading`);
    }
  }
  return { pages: pages.length, links, dead };
}

/** Returns the first paragraph of a page, as one line. */
export function summaryOf(text) {
  const body = text.replace(/^---\n[\s\S]*?\n---\n/, "").replace(/^# .*$/m, "");
  const paragraph = body.split(/\n{2,}/).find((part) => /^[A-Z`*[(]/.test(part.trim())) ?? "";
  const line = paragraph
    .trim()
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return /^(.*?[.!?:])(?= [A-Z`]|$)/.exec(line)?.[1]?.replace(/:$/, ".") ?? line;
}
