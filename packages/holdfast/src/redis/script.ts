import type { QueueKeys } from "./keys.ts";

/** One Lua script as the build generates it: its source, its keys and its arguments in order. */
export interface Script<Args, Keys = QueueKeys> {
  readonly name: string;
  readonly sha1: string;
  readonly keyCount: number;
  /** KEYS, then ARGV, in the order of EVALSHA. */
  readonly argv: (keys: Keys, args: Args) => (string | number)[];
  readonly source: string;
}
