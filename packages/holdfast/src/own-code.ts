import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "@holdfast/contracts";

/** Code of this library that runs in a separate thread or process. */
const PROGRAMS = {
  heartbeatThread: "worker/heartbeat-thread",
  isolationChild: "isolation/child",
} as const;

// The build also writes this program as a single file, which starts more than twice as fast. The other program keeps
// its modules, so that handlers that import the library share them.
const SINGLE_FILE = "heartbeatThread";

/**
 * The file with the code; or its text, if a bundler has not copied the file. The text is CommonJS without other
 * modules.
 */
export type OwnCode = { file: string } | { text: string };

// Undefined in a CommonJS bundle.
const here: string | undefined = import.meta.url;

/** Returns the code of a thread or process. @throws HoldfastError internal if a bundle lacks parts of the build */
export async function ownCode(name: keyof typeof PROGRAMS): Promise<OwnCode> {
  if (here?.startsWith("file:")) {
    const isSource = here.endsWith(".ts");
    // If the sources run directly, the built files are used, because Node cannot run TypeScript before version 22.
    const base = isSource ? new URL("../dist/", here) : here;
    // Beside the sources the single file is not used, because it may be older than the other built files.
    for (const type of name === SINGLE_FILE && !isSource ? ["cjs", "js"] : ["js"]) {
      const file = fileURLToPath(new URL(`./${PROGRAMS[name]}.${type}`, base));
      if (existsSync(file)) return { file };
    }
  }
  try {
    const embedded = await import("./embedded.js");
    return { text: embedded[name] };
  } catch (error) {
    throw new HoldfastError(
      "internal",
      `${PROGRAMS[name]}.js of holdfast is missing, and this bundle does not contain its text either: build holdfast with \`pnpm run build\` before you bundle, or leave it out of the bundle (\`external: ["holdfast"]\`) and install it next to the bundle`,
      { cause: error },
    );
  }
}
