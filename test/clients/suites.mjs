import { join } from "node:path";

// scripts/setup python makes this environment.
const python = (name) => join(import.meta.dirname, "../../.holdfast/python/bin", name);

/**
 * The tests of the clients in other languages, and those that all clients share. Each suite has a command that ends
 * with 0 if the language is there, its folder, commands of which each has to end with 0, and a function that counts the
 * tests in the output of the last one. It may have a function that tells from the output of the first command whether
 * the version fits.
 */
export const suites = [
  {
    name: "Go",
    tool: ["go", "version"],
    // Older versions have no iterators.
    fits: (version) => Number(/ go1\.(\d+)/.exec(version)?.[1]) >= 23,
    needs: "Go 1.23 or later",
    folder: "clients/go",
    commands: [
      ["go", "vet", "./..."],
      ["go", "test", "-count=1", "-json", "./..."],
    ],
    count: countGo,
    // How the output is shown if a test fails.
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
    // The clients that are not found are left out, and the output says so.
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

/** Counts by the last line of pytest, such as "1 failed, 73 passed, 2 errors in 61.20s". */
function countPython(output) {
  const last = output.trimEnd().split("\n").at(-1);
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed") + count("error"), skipped: count("skipped") };
}

/**
 * Counts by the last line of the conformance run, which has the numbers of clients, cases and passed cases. A run that
 * ended early has no such line.
 */
function countCases(output) {
  const last = output.trimEnd().split("\n").at(-1);
  const { clients, cases, passed } = last.startsWith("{")
    ? JSON.parse(last)
    : { clients: 0, cases: 0, passed: 0 };
  return { passed, failed: clients * cases - passed, skipped: 0 };
}
