// Reads a .env file exactly as Docker Compose does (see dotenv and template in compose-go), so that `make up` gets
// the same settings with Docker and without. scripts/dotenv.test.mjs compares the results with `docker compose
// config`.
//
// `node scripts/dotenv.mjs FILE` prints `export NAME='value'` for each variable that is not in the environment.
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const ESCAPES = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", '"': '"', "\\": "\\" };

/** An error in a file that Compose would refuse too. The message names the file and, for a syntax error, the line. */
export class DotenvError extends Error {}

/**
 * @param lookup returns the value of a name in the environment, which takes precedence over the file
 * @returns the variables of the file, in the order of the file
 * @throws DotenvError
 */
export function parseDotenv(content, lookup = () => undefined, file = ".env") {
  const text = content.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
  const values = new Map();
  const valueFor = (name) => lookup(name) ?? values.get(name);
  let at = 0;
  const fail = (why) => {
    throw new DotenvError(`${file}, line ${text.slice(0, at).split("\n").length}: ${why}`);
  };
  /** If the sticky pattern matches at the position `at`, returns the matched text and moves `at` behind it. */
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  };
  const expanded = (value) => {
    try {
      return interpolate(value, valueFor);
    } catch (error) {
      return fail(error.message);
    }
  };
  const quoted = (quote) => {
    const end = new RegExp(`${quote}((?:\\\\[\\s\\S]|[^${quote}\\\\])*)${quote}`, "y");
    end.lastIndex = at;
    const match = end.exec(text);
    if (match === null) return fail(`the quote ${quote} is not closed`);
    at = end.lastIndex;
    const value = match[1].replaceAll(`\\${quote}`, quote);
    return quote === "'" ? value : expanded(unescaped(value));
  };

  for (;;) {
    take(/(?:\s+|#[^\n]*)*/y);
    if (at === text.length) return values;
    take(/export\s+/y);
    const name = take(/[\p{L}\p{N}_.\-[\]\t\v\f\r \u0085\u00a0]*/uy).trimEnd();
    const separator = text[at] ?? "";
    if (separator !== "=" && separator !== ":" && separator !== "\n")
      fail(separator === "" ? `"${name}" has no value` : `unexpected ${JSON.stringify(separator)} in a name`);
    if (/\s/.test(name)) fail(`the name "${name}" has a space`);
    if (name === "") fail("a name is missing");
    at++;
    // A name without a value gets its value from the environment. So the file sets nothing here.
    if (separator === "\n") continue;
    take(/[\t\v\f\r \u0085\u00a0]*/y);
    const quote = text[at];
    const value =
      quote === "'" || quote === '"'
        ? quoted(quote)
        : expanded(
            take(/[^\n]*/y)
              .split(" #", 1)[0]
              .trimEnd(),
          );
    values.set(name, lookup(name) ?? value);
  }
}

/**
 * Replaces the escapes in a double-quoted value. An escaped dollar is marked, so that no variable is expanded there
 * later.
 */
function unescaped(value) {
  return value.replaceAll(/\\(?:([abfnrtv"\\])|(\$)|0(\d{0,3}))/g, (_, letter, dollar, digits) => {
    if (dollar) return "$$";
    if (letter) return ESCAPES[letter];
    return /^[0-3][0-7]{2}$/.test(digits) ? String.fromCharCode(Number.parseInt(digits, 8)) : `\\${digits}`;
  });
}

/** Expands `$NAME`, `${NAME}`, `${NAME:-default}` and so on. `$$` stands for a dollar. @throws Error */
function interpolate(text, valueFor) {
  let result = "";
  for (let at = 0; at < text.length; ) {
    const [whole, plain] = /^\$(?:\$|([A-Za-z_][A-Za-z0-9_]*))/.exec(text.slice(at)) ?? [];
    if (whole !== undefined) {
      result += plain === undefined ? "$" : (valueFor(plain) ?? "");
      at += whole.length;
    } else if (text.startsWith("${", at)) {
      const end = closingBrace(text, at);
      result += substitute(text.slice(at + 2, end), valueFor);
      at = end + 1;
    } else result += text[at++];
  }
  return result;
}

function closingBrace(text, from) {
  let open = 0;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith("${", at)) {
      open++;
      at++;
    } else if (text[at] === "}" && --open === 0) return at;
  }
  throw new Error(`"${text.slice(from)}" lacks a closing brace`);
}

/** @param inner the text between the braces */
function substitute(inner, valueFor) {
  const [, name, colon, operator, rest] =
    /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?)([-?+])([\s\S]*))?$/.exec(inner) ?? [];
  if (name === undefined) throw new Error(`"\${${inner}}" has to look like \${NAME} or \${NAME:-default}`);
  const value = valueFor(name);
  const isThere = value !== undefined && (!colon || value !== "");
  if (operator === "-") return isThere ? value : interpolate(rest, valueFor);
  if (operator === "+") return isThere ? interpolate(rest, valueFor) : "";
  if (operator === "?" && !isThere) throw new Error(`${name} is not set: ${interpolate(rest, valueFor)}`);
  return value ?? "";
}

/** Returns the variables of a file, or none if the file does not exist. @throws DotenvError */
export function readDotenv(path, lookup) {
  return existsSync(path) ? parseDotenv(readFileSync(path, "utf8"), lookup, path) : new Map();
}

// A shell does not allow these variables to be set.
const READ_ONLY = new Set(["UID", "EUID", "PPID", "BASHOPTS", "BASH_VERSINFO", "SHELLOPTS"]);

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    for (const [name, value] of readDotenv(process.argv[2], (wanted) => process.env[wanted])) {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || READ_ONLY.has(name) || name in process.env) continue;
      console.log(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
    }
  } catch (error) {
    if (!(error instanceof DotenvError)) throw error;
    console.error(`holdfast: ${error.message}`);
    process.exit(1);
  }
}
