import type { QueueKeys } from "./keys.ts";

/** A Lua script with its keys and arguments, as the build generates it. */
export interface Script<Args, Keys = QueueKeys> {
  readonly name: string;
  readonly sha1: string;
  readonly keyCount: number;
  /** Returns KEYS and then ARGV, in the order of EVALSHA. */
  readonly argv: (keys: Keys, args: Args) => (string | number)[];
  readonly source: string;
}
