import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "holdfast";
import { type Action, Argument, type Command } from "../context.ts";

const TEMPLATE = fileURLToPath(new URL("../../template", import.meta.url));

export function initCommand(program: Command, action: Action): void {
  program
    .command("init")
    .addArgument(new Argument("[folder]", "where to write it; it is made if it is missing").default("."))
    .description("writes a small TypeScript project: a worker, a producer, a test and a compose file")
    .action(
      action(async ({ out }, [folder = "."]) => {
        const target = resolve(folder);
        const files = projectFiles(basename(target), program.version() ?? "");
        const there = Object.keys(files).filter((name) => existsSync(join(target, name)));
        if (there.length > 0)
          throw new HoldfastError(
            "conflict",
            `nothing was written, because ${target} already has ${there.join(", ")}: name another folder, as in holdfast init my-app`,
          );
        for (const [name, text] of Object.entries(files)) {
          mkdirSync(dirname(join(target, name)), { recursive: true });
          writeFileSync(join(target, name), text, { flag: "wx" });
        }
        out.say(
          `holdfast: wrote ${Object.keys(files).length} files into ${target}; its README.md says how to run it`,
        );
      }),
    );
}

/** Returns the files of the new project: name -> text. */
function projectFiles(folderName: string, version: string): Record<string, string> {
  const names = readdirSync(TEMPLATE, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(TEMPLATE, name)).isFile())
    .sort();
  return Object.fromEntries(
    names.map((name) => {
      const text = readFileSync(join(TEMPLATE, name), "utf8");
      if (name === "package.json") return [name, manifest(text, folderName, version)];
      // npm leaves a file with the name .gitignore out of a package.
      return [name === "gitignore" ? ".gitignore" : name, text];
    }),
  );
}

function manifest(text: string, folderName: string, version: string): string {
  const content = JSON.parse(text) as {
    name: string;
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  content.dependencies.holdfast = `^${version}`;
  content.devDependencies["@holdfast/cli"] = `^${version}`;
  const name = folderName
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  // npm refuses a package that has the name of one of its dependencies.
  content.name = name === "" || name === "holdfast" ? "worker" : name;
  return `${JSON.stringify(content, null, 2)}\n`;
}
