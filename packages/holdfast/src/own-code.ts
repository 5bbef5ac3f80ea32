import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "@holdfast/contracts";

/** The library's own code that runs in a separate thread or process. */
const PROGRAMS = {
  heartbeatThread: "worker/heartbeat-thread",
  isolationChild: "isolation/child",
} as const;

// The build writes this program into a single file too, which starts in less than half of the time. The child of
// isolated() keeps its modules, because its handlers may import the library and then share them.
const SINGLE_FILE = "heartbeatThread";

/**
 * The file of the code, or its text if a bundler has not copied that file. The text is CommonJS that needs no other
 * module.
 */
export type OwnCode = { file: string } | { text: string };

// In a CommonJS bundle, import.meta.url is undefined.
const here: string | undefined = import.meta.url;

/** @throws HoldfastError internal if this is a bundle of a Holdfast whose build was not complete */
export async function ownCode(name: keyof typeof PROGRAMS): Promise<OwnCode> {
  if (here?.startsWith("file:")) {
    const isSource = here.endsWith(".ts");
    // Even if the sources run directly, the built files are used, because Node runs no TypeScript before version 22.
    const base = isSource ? new URL("../dist/", here) : here;
    // Beside the sources, the single file may be older than the others, because only a whole build writes it.
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
