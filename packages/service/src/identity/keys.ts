/** Entry `@holdfast/service/keys`: making, keeping and reading API keys, without an HTTP server. */
export { keyIdOf, mintKey, type NewKey, viewOfKey } from "./key.ts";
export { addToKeyFile, parseKeyFile, readKeyFile, revokeInKeyFile } from "./key-file.ts";
export { KeyStore } from "./key-store.ts";
