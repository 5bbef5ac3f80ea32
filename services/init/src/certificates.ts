// This import has to come before that of @peculiar/x509, which needs it.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

const { subtle } = webcrypto;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;
const CA_DAYS = 3_650;
const SERVER_DAYS = 825;
/** A certificate that expires within this time is replaced. */
const RENEW_DAYS = 30;

export interface Pair {
  /** The certificate in PEM format. */
  certificate: string;
  /** The private key in PEM format (PKCS #8). */
  key: string;
}

const newKeys = () => subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

/** The certificate is valid from one minute ago, because the clocks of two machines are never quite equal. */
const validity = (days: number, now = Date.now()) => ({
  notBefore: new Date(now - 60_000),
  notAfter: new Date(now + days * DAY_MS),
});

/** A certificate authority for one stack, valid for ten years. */
export async function newAuthority(name: string): Promise<Pair> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(CA_DAYS),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await keyText(keys.privateKey) };
}

/** A server certificate for these host names and addresses, signed by the authority, valid for 825 days. */
export async function newServerCertificate(authority: Pair, names: readonly string[]): Promise<Pair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(authority.key),
    ALGORITHM,
    false,
    ["sign"],
  );
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${names[0]}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    ...validity(SERVER_DAYS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      // A node of a Cluster is also a client of the other nodes.
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await keyText(keys.privateKey) };
}

/** Whether the certificate has these names and is valid for at least RENEW_DAYS more. */
export function stillServes(pem: string, names: readonly string[], now = Date.now()): boolean {
  const certificate = new x509.X509Certificate(pem);
  if (certificate.notAfter.getTime() < now + RENEW_DAYS * DAY_MS) return false;
  const held = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  return names.every((name) => held.some(({ value }) => value === name));
}
