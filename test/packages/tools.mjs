import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const VERSIONS = {
  publint: "0.3.25",
  "@arethetypeswrong/cli": "0.18.5",
  pnpm: "12.21.0",
  yarn: "1.22.22",
  "@yarnpkg/cli-dist": "4.18.1",
};
const LIMIT_MS = 300_000;

/** The package managers and checkers, which are installed in a scratch folder, and the tarballs. */
export class Tools {
  #scratch;
  #env;
  #tarballs;

  static async install(scratch, paths) {
    const tools = new Tools();
    tools.#scratch = scratch;
    tools.#tarballs = new Map(
      paths.map((path) => [basename(path).replace(/-\d+\.\d+\.\d+\S*\.tgz$/, ""), path]),
    );
    tools.#env = {
      ...process.env,
      // Package managers write their caches to these folders. Only npm writes outside the scratch folder, into its
      // cache.
      XDG_CACHE_HOME: join(scratch, "cache"),
      XDG_DATA_HOME: join(scratch, "data"),
      XDG_STATE_HOME: join(scratch, "state"),
      XDG_CONFIG_HOME: join(scratch, "config"),
      YARN_CACHE_FOLDER: join(scratch, "yarn"),
      YARN_ENABLE_TELEMETRY: "0",
      PNPM_HOME: join(scratch, "pnpm"),
      CI: "1",
      NODE_OPTIONS: "",
    };
    tools.folder("tools", { private: true });
    await tools.npm("tools", ...Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`));
    return tools;
  }

  get names() {
    return [...this.#tarballs.keys()];
  }

  tarball(name) {
    const path = this.#tarballs.get(name);
    if (!path) throw new Error(`there is no tarball of ${name}: run make pack first`);
    return path;
  }

  path(...parts) {
    return join(this.#scratch, ...parts);
  }

  /** Makes a folder with a manifest and further files. */
  folder(name, manifest, files = {}) {
    for (const [file, text] of Object.entries({ "package.json": JSON.stringify(manifest), ...files })) {
      const path = this.path(name, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }

  /** Returns the environment of the consumers, with these additional variables. */
  env(more) {
    return { ...this.#env, ...more };
  }

  /** Runs a program in a folder, and returns its output. If it fails, the error contains the whole output. */
  async run(folder, command, args, env = {}) {
    const options = {
      cwd: this.path(folder),
      env: this.env(env),
      timeout: LIMIT_MS,
      maxBuffer: 1 << 26,
    };
    try {
      return await execute(command, args, options);
    } catch (error) {
      const why = error.killed ? `did not end within ${LIMIT_MS / 1_000} s` : `ended with ${error.code}`;
      throw new Error(
        `${command} ${args.join(" ")} ${why}\n${`${error.stdout}${error.stderr}`.trim().slice(-3_000)}`,
      );
    }
  }

  node(folder, ...args) {
    return this.run(folder, process.execPath, args);
  }

  /** Runs the program of an installed tool. */
  tool(folder, path, ...args) {
    return this.node(folder, this.path("tools/node_modules", path), ...args);
  }

  npm(folder, ...what) {
    return this.run(folder, "npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...what]);
  }
}
