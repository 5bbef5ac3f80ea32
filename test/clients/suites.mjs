import { join } from "node:path";

// The Python environment that scripts/setup python makes.
const python = (name) => join(import.meta.dirname, "../../.holdfast/python/bin", name);

/**
 * The test suites of the clients in other languages, and the suite that all clients share. Each suite has:
 * - a command that ends with 0 if the language is installed
 * - its folder
 * - commands, each of which has to end with 0
 * - a function that counts the tests in the output of the last command
 * - optionally, a function that decides from the output of the first command whether the version is new enough
 */
export const suites = [
  {
    name: "Go",
    tool: ["go", "version"],
    // The client returns iterators, which came with Go 1.23.
    fits: (version) => Number(/ go1\.(\d+)/.exec(version)?.[1]) >= 23,
    needs: "Go 1.23 or later",
    folder: "clients/go",
    commands: [
      ["go", "vet", "./..."],
      ["go", "test", "-count=1", "-json", "./..."],
    ],
    count: countGo,
    // Returns the output in the form in which it is shown if a test fails.
    text: goText,
  },
  {
    name: "Python",
    tool: [python("python"), "-c", "import holdfast, pytest"],
    needs: "the environment of scripts/setup python",
    folder: "clients/python",
    commands: [[python("pytest")]],
    count: countPython,
  },
  {
    // Clients whose language is missing are left out, and the output says so.
    name: "conformance",
    tool: [process.execPath, "--version"],
    needs: "Node",
    folder: ".",
    commands: [[process.execPath, "conformance/conformance.mjs"]],
    count: countCases,
  },
];

/** @returns {{ Action: string, Test?: string, Output?: string }[]} the lines of `go test -json` */
function goEvents(output) {
  return output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

function countGo(output) {
  const ended = goEvents(output).filter(({ Test }) => Test !== undefined);
  const count = (action) => ended.filter(({ Action }) => Action === action).length;
  return { passed: count("pass"), failed: count("fail"), skipped: count("skip") };
}

function goText(output) {
  return goEvents(output)
    .map(({ Output = "" }) => Output)
    .join("");
}

/** Counts the tests from the last line of pytest, such as "1 failed, 73 passed, 2 errors in 61.20s". */
function countPython(output) {
  const last = output.trimEnd().split("\n").at(-1);
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed") + count("error"), skipped: count("skipped") };
}

/**
 * Counts the cases from the last line of the conformance run, which has the numbers of clients, cases and passed
 * cases. A run that ended early has no such line.
 */
function countCases(output) {
  const last = output.trimEnd().split("\n").at(-1);
  const { clients, cases, passed } = last.startsWith("{")
    ? JSON.parse(last)
    : { clients: 0, cases: 0, passed: 0 };
  return { passed, failed: clients * cases - passed, skipped: 0 };
}
