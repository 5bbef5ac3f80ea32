import { expect, test } from "vitest";
import { remedyOf, tlsOptions } from "./tls.ts";

test("TLS is used only with tls, its options, or a file", () => {
  expect(tlsOptions({})).toBeNull();
  expect(tlsOptions({ tls: false })).toBeNull();
  // `rejectUnauthorized` is set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED can change the default.
  const checked = { rejectUnauthorized: true };
  expect(tlsOptions({ tls: true })).toEqual(checked);
  expect(tlsOptions({ tls: {} })).toEqual(checked);
  expect(tlsOptions({ tls: { rejectUnauthorized: false } })).toEqual({ rejectUnauthorized: false });
  expect(tlsOptions({ tlsServerName: "redis.internal" })).toEqual({
    ...checked,
    servername: "redis.internal",
  });
});

test.each([
  ["unable to verify the first certificate", "REDIS_TLS_CA_FILE"],
  ["unable to get local issuer certificate", "REDIS_TLS_CA_FILE"],
  ["self-signed certificate in certificate chain", "REDIS_TLS_CA_FILE"],
  ["certificate has expired", "Renew"],
  [
    "Hostname/IP does not match certificate's altnames: Host: h. is not in the cert's altnames: DNS:x",
    "SERVER_NAME",
  ],
  [
    "C0B7:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required",
    "REDIS_TLS_CERT_FILE",
  ],
  ["connect ECONNREFUSED 127.0.0.1:6379", "REDIS_URL"],
  ["", "REDIS_URL"],
])("%s: the error says what to do", (reason, remedy) => {
  expect(remedyOf(reason)).toContain(remedy);
});

test.each([
  [{ tls: true }, "", "use redis://"],
  [{ tls: true }, "connect ETIMEDOUT", "use redis://"],
  [
    { tls: true },
    "write EPROTO 00:error:0A00010B:SSL routines:ssl3_get_record:wrong version number",
    "use redis://",
  ],
  [{}, "Connection is closed.", "use rediss://"],
  [{}, "connect ETIMEDOUT", "REDIS_URL"],
])("%j, %s: TLS on one side only is reported", (settings, reason, remedy) => {
  expect(remedyOf(reason, settings)).toContain(remedy);
});
