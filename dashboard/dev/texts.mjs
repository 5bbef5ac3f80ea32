// Updates the catalogs of texts from the source: `pnpm run texts`. A new text is empty in German until somebody
// translates it. A text that is no longer in the source is removed.
import { writeFileSync } from "node:fs";
import { catalogPath, extractTexts, readCatalog, textOf } from "./language.mjs";

const keys = [...extractTexts().keys()];
const german = readCatalog("de");
const write = (language, texts) =>
  writeFileSync(catalogPath(language), `${JSON.stringify(texts, null, 2)}\n`);
write("en", Object.fromEntries(keys.map((key) => [key, textOf(key).message])));
write("de", Object.fromEntries(keys.map((key) => [key, german[key] ?? ""])));

const missing = keys.filter((key) => !german[key]);
console.log(`${keys.length} texts, ${missing.length} of them without German.`);
for (const key of missing) console.log(`  ${key}`);
