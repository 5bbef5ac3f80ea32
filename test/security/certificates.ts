import { execFileSync } from "node:child_process";
import { join } from "node:path";

export interface Authority {
  readonly caFile: string;
  /** Makes a certificate for the given names, such as `DNS:localhost` and `IP:127.0.0.1`. */
  issue(name: string, names: readonly string[]): { certFile: string; keyFile: string };
}

const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Makes a new certificate authority, with its files in the folder. */
export function authority(folder: string, name: string): Authority {
  const file = (suffix: string) => join(folder, `${name}${suffix}`);
  const ca = { cert: file("-ca.crt"), key: file("-ca.key") };
  const subject = ["-subj", `/CN=${name}`];
  openssl("req", "-x509", ...NEW_KEY, "-keyout", ca.key, "-out", ca.cert, "-days", "2", ...subject);
  return {
    caFile: ca.cert,
    issue(server, names) {
      const certFile = file(`-${server}.crt`);
      const keyFile = file(`-${server}.key`);
      const extensions = [
        "-addext",
        `subjectAltName=${names.join(",")}`,
        "-addext",
        "basicConstraints=CA:FALSE",
      ];
      const signed = ["-CA", ca.cert, "-CAkey", ca.key, "-days", "2"];
      openssl(
        "req",
        "-x509",
        ...NEW_KEY,
        "-keyout",
        keyFile,
        "-out",
        certFile,
        "-subj",
        `/CN=${server}`,
        ...extensions,
        ...signed,
      );
      return { certFile, keyFile };
    },
  };
}
