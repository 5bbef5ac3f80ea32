// The texts of the dashboard. In the source, each English text stands in a macro of Lingui, such as t`…`. This file
// makes the build understand the macros, and collects the texts for the catalogs in src/language.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseSync, transformAsync, transformSync, traverse } from "@babel/core";
import extractMessages from "@lingui/babel-plugin-extract-messages";
import macros from "@lingui/babel-plugin-lingui-macro";
import { compileMessageOrThrow } from "@lingui/message-utils/compileMessage";

const SOURCE = fileURLToPath(new URL("../src/", import.meta.url));
const RUNTIME = `${SOURCE}language/texts.tsx`;
const MACRO = /@lingui\/(core|react)\/macro/;

const macro = { corePackage: ["@lingui/core/macro"], jsxPackage: ["@lingui/react/macro"] };
const runtime = (core, react) => ({
  i18n: [core, "i18n"],
  Trans: [react, "Trans"],
  useLingui: [react, "useLingui"],
});
const syntax = { configFile: false, babelrc: false, parserOpts: { plugins: ["typescript", "jsx"] } };

export const catalogPath = (language) => `${SOURCE}language/${language}.json`;
export const readCatalog = (language) => JSON.parse(readFileSync(catalogPath(language), "utf8"));

/**
 * Returns the key of a text in a catalog. A text with several meanings has its meaning in brackets before it: the key
 * `[verb] Open` is the text `Open` as a verb.
 */
const keyOf = ({ message, context }) => (context === undefined ? message : `[${context}] ${message}`);
export const textOf = (key) => {
  const [, context, message = key] = /^\[([\w ]+)\] (.*)$/s.exec(key) ?? [];
  return { message, context };
};

/** Compiles a text for src/language/texts.tsx: to a string, or to a list of parts if the text contains values. */
function compiled(text) {
  const parts = compileMessageOrThrow(text);
  return parts.length === 1 && typeof parts[0] === "string" ? parts[0] : parts;
}

/**
 * A Babel plugin that runs after the macros. At each place that uses a text, it puts the compiled English text and an
 * id. The other languages have their texts under this id.
 */
const inlineEnglish = ({ template }) => ({
  visitor: {
    ObjectExpression({ node }, { opts: { english, idOf } }) {
      if (!node.leadingComments?.some(({ value }) => value === "i18n")) return;
      const property = (name) => node.properties.find(({ key }) => key.name === name);
      const key = keyOf({
        message: property("message").value.value,
        context: property("context")?.value.value,
      });
      const set = (name, value) => {
        property(name).value = template.expression.ast(JSON.stringify(value));
      };
      set("id", idOf(key));
      set("message", compiled(english[key] ?? textOf(key).message));
      node.properties = node.properties.filter((each) => each !== property("context"));
    },
  },
});

/**
 * The plugin for Vite. It replaces the macros, so that the English texts of a screen load with the screen, and
 * provides the other languages as `virtual:texts/de`. In a build, the id of a text is its place in the catalog, which
 * is shorter than the text.
 */
export function language() {
  let isBuild = false;
  const english = readCatalog("en");
  const places = new Map(Object.keys(english).map((key, place) => [key, place]));
  const idOf = (key) => {
    if (!isBuild) return key;
    if (!places.has(key)) throw new Error(`No file has the text "${key}": run pnpm run texts`);
    return places.get(key);
  };
  return {
    name: "holdfast-language",
    enforce: "pre",
    configResolved({ command }) {
      isBuild = command === "build";
    },
    transform: {
      filter: { id: /\/dashboard\/src\/.*\.tsx?$/, code: MACRO },
      async handler(code, id) {
        const linguiConfig = { macro, runtimeConfigModule: runtime(RUNTIME, RUNTIME) };
        const plugins = [
          [macros, { linguiConfig, extract: true }],
          [inlineEnglish, { english, idOf }],
        ];
        const result = await transformAsync(code, { ...syntax, filename: id, sourceMaps: true, plugins });
        return { code: result.code, map: result.map };
      },
    },
    resolveId: {
      filter: { id: /^virtual:texts\// },
      handler: (id) => `\0${id}`,
    },
    load: {
      filter: { id: /^\0virtual:texts\// },
      handler(id) {
        const name = id.split("/").at(-1);
        this.addWatchFile(catalogPath(name));
        const entries = Object.entries(readCatalog(name)).map(([key, text]) => [key, compiled(text)]);
        const texts = isBuild ? entries.map(([, text]) => text) : Object.fromEntries(entries);
        return `export const texts = JSON.parse(${JSON.stringify(JSON.stringify(texts))});`;
      },
    },
  };
}

/** The source files of the dashboard, without its tests. */
export const sources = () =>
  readdirSync(SOURCE, { recursive: true })
    .filter((path) => /\.tsx?$/.test(path) && !/\.test\.tsx?$|\.d\.ts$|^testing\/|^language\//.test(path))
    .sort()
    .map((path) => ({ path, code: readFileSync(SOURCE + path, "utf8") }));

/** Returns the texts in the source with the file of each, in alphabetical order. */
export function extractTexts() {
  const found = new Map();
  for (const { path, code } of sources()) {
    if (!MACRO.test(code)) continue;
    const linguiConfig = { macro, runtimeConfigModule: runtime("@lingui/core", "@lingui/react") };
    const onMessageExtracted = (text) => found.set(keyOf(text), path);
    transformSync(code, {
      ...syntax,
      filename: SOURCE + path,
      code: false,
      plugins: [
        [macros, { linguiConfig, extract: true }],
        [extractMessages, { onMessageExtracted }],
      ],
    });
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The properties whose text a user sees or hears, of elements and of objects that describe them. */
const SHOWN =
  /^(aria-(label|description|roledescription|valuetext)|title|placeholder|label|description|hint|text|what|action|alt|saveText|detail|maker|sub|remedy|heading|none)$/;
/** Functions whose first argument is shown to the user. */
const SHOWN_BY = /^(say|warn|fail)$/;
const hasWord = (text) => /\p{L}{2}/u.test(text);

/**
 * Names and commands that are the same in every language. Texts in the elements `code`, `kbd` and `pre` are not
 * checked either.
 */
const SAME = [
  "Holdfast",
  "English",
  "Deutsch",
  "Ctrl K",
  "UTC",
  "database",
  "email.send",
  "nightly-report",
  "dead-letters",
  "team",
  "Slack",
];

/** Returns `file:line: text` for each text in a component that is not in a macro. */
export function rawTexts() {
  const found = [];
  for (const { path, code } of sources()) {
    const report = ({ loc }, text) => {
      if (hasWord(text) && !SAME.includes(text.trim()))
        found.push(`${path}:${loc.start.line}: ${text.trim().replaceAll(/\s+/g, " ")}`);
    };
    /** Reports each literal that can be the value of an expression. */
    const reportValue = (node) => {
      if (node?.type === "StringLiteral") report(node, node.value);
      else if (node?.type === "TemplateLiteral")
        report(node, node.quasis.map(({ value }) => value.cooked).join(" "));
      else if (node?.type === "JSXExpressionContainer") reportValue(node.expression);
      else if (node?.type === "ConditionalExpression") {
        reportValue(node.consequent);
        reportValue(node.alternate);
      } else if (node?.type === "LogicalExpression") reportValue(node.right);
    };
    const nameOf = (node) => node.name?.name ?? "";
    traverse(parseSync(code, { ...syntax, filename: SOURCE + path }), {
      noScope: true,
      JSXText({ node, parentPath }) {
        const isMacro =
          parentPath.findParent(({ node }) => nameOf(node.openingElement ?? {}) === "Trans") !== null;
        const element = nameOf(parentPath.node.openingElement ?? {});
        if (!isMacro && !["Trans", "code", "kbd", "pre"].includes(element)) report(node, node.value);
      },
      JSXExpressionContainer({ node, parent }) {
        if (parent.type === "JSXElement" || parent.type === "JSXFragment") reportValue(node);
      },
      JSXAttribute({ node }) {
        if (SHOWN.test(nameOf(node))) reportValue(node.value);
      },
      ObjectProperty({ node }) {
        // In an object, these properties hold the name of a choice, and no text.
        if (/^(what|action)$/.test(node.key.name)) return;
        if (SHOWN.test(node.key.name ?? node.key.value ?? "")) reportValue(node.value);
      },
      CallExpression({ node }) {
        if (SHOWN_BY.test(node.callee.name ?? "")) reportValue(node.arguments[0]);
      },
      TaggedTemplateExpression(path) {
        // When a file is loaded, the language is not known yet. So a text outside of a function would always be
        // English.
        if (path.node.tag.name === "t" && path.getFunctionParent() === null)
          report(path.node, `outside of a function: ${path.node.quasi.quasis[0].value.cooked}`);
      },
    });
  }
  return found;
}
