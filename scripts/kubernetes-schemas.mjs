// Copies the strict schemas of the Kubernetes API, and changes their references so that they work inside one folder:
//   node scripts/kubernetes-schemas.mjs FROM TO
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The oldest version that the chart supports, and the newest version with schemas. */
const VERSIONS = ["v1.29.0", "v1.37.0"];
const [from, to] = process.argv.slice(2);
if (!from || !to) throw new Error("usage: kubernetes-schemas.mjs FROM TO");

// The folder gets its final name only when it is complete, because scripts/setup assumes that an existing folder is
// complete.
const scratch = mkdtempSync(join(dirname(to), "schemas-"));
for (const version of VERSIONS) {
  const folder = `${version}-local-strict`;
  mkdirSync(join(scratch, folder));
  for (const name of readdirSync(join(from, folder))) {
    const schema = JSON.parse(readFileSync(join(from, folder, name), "utf8"), (key, value) =>
      key === "$ref" && typeof value === "string"
        ? value.replace("/api/_definitions.json", "_definitions.json")
        : value,
    );
    // With an $id, a validator would look for referenced schemas at that address, and not in the folder.
    delete schema.$id;
    writeFileSync(join(scratch, folder, name), JSON.stringify(schema));
  }
}
renameSync(scratch, to);
