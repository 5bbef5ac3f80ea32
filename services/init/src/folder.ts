import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A folder of secrets. Each file is replaced as a whole. Only its owner can read a file, or one group. */
export interface SecretFolder {
  readonly path: string;
  /** Returns the text of a file without the newline at its end; null if the file does not exist. */
  read(name: string): string | null;
  /**
   * Writes a file, unless it already has this text. Members of `group` can read the file; if `group` is null, only the
   * owner can.
   */
  write(name: string, text: string, group: number | null): void;
  remove(name: string): void;
}

export function openFolder(path: string): SecretFolder {
  const read = (name: string): string | null => {
    try {
      return readFileSync(join(path, name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  };
  const give = (file: string, group: number | null, mode: { own: number; shared: number }): void => {
    // The owner of a file may give it to a group that the owner belongs to, so this needs no capability.
    if (group !== null) chownSync(file, -1, group);
    chmodSync(file, group === null ? mode.own : mode.shared);
  };
  return {
    path,
    read: (name) => read(name)?.replace(/\r?\n$/, "") ?? null,
    write(name, text, group) {
      const file = join(path, name);
      const folder = dirname(file);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (folder !== path) give(folder, group, { own: 0o700, shared: 0o750 });
      const whole = text.endsWith("\n") ? text : `${text}\n`;
      if (read(name) !== whole) {
        // A run that was interrupted may have left this file behind.
        rmSync(`${file}.new`, { force: true });
        writeFileSync(`${file}.new`, whole, { mode: 0o600, flag: "wx" });
        give(`${file}.new`, group, { own: 0o600, shared: 0o440 });
        renameSync(`${file}.new`, file);
      } else give(file, group, { own: 0o600, shared: 0o440 });
    },
    remove: (name) => rmSync(join(path, name), { force: true }),
  };
}
