import { expect, test } from "vitest";
import { remedyOf, tlsOptions } from "./tls.ts";

test("without any setting there is no TLS; an address, tls, or one of its settings brings it", () => {
  expect(tlsOptions({}, "redis://h")).toBeNull();
  expect(tlsOptions({ tls: false })).toBeNull();
  expect(tlsOptions({}, "rediss://h")).toEqual({});
  expect(tlsOptions({ tls: true }, "redis://h")).toEqual({});
  expect(tlsOptions({ tlsServerName: "redis.internal" })).toEqual({ servername: "redis.internal" });
});

test.each([
  ["WRONGPASS invalid username-password pair or user is disabled.", "REDIS_PASSWORD"],
  ["NOAUTH HELLO must be called with the client already authenticated", "REDIS_PASSWORD"],
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
])("%s: what to do is told", (reason, remedy) => {
  expect(remedyOf(reason)).toContain(remedy);
});
