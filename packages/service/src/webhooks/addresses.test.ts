import type { lookup as systemLookup } from "node:dns";
import { expect, test } from "vitest";
import { assertPublicHost, isPublicAddress, publicLookup } from "./addresses.ts";

test.each([
  "8.8.8.8",
  "1.1.1.1",
  "172.15.0.1",
  "172.32.0.1",
  "192.167.1.1",
  "2606:4700::1111",
  "::ffff:8.8.8.8",
])("%s is public", (address) => expect(isPublicAddress(address)).toBe(true));

test.each([
  ...["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
  ...["169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"],
  ...["224.0.0.1", "240.0.0.1", "255.255.255.255"],
  ...["::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1"],
  ...["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"],
  ...[
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "4000::1",
    "fe80::1%eth0",
    "localhost",
    "",
    "1.2.3",
    "0x7f.1",
  ],
])("%s is not public", (address) => expect(isPublicAddress(address)).toBe(false));

test.each([
  "http://127.0.0.1/",
  "http://[::1]/",
  "http://0x7f000001/",
  "http://2130706433/",
  "http://127.1/",
])("the host of %s is refused without a look-up", (url) =>
  expect(() => assertPublicHost(new URL(url), "SETTING")).toThrow("not public"),
);

/** A DNS server that answers with these addresses. */
function resolver(...addresses: string[]) {
  let asked = 0;
  const resolve = ((_name: string, _options: object, callback: (error: null, all: object[]) => void) => {
    asked++;
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) as unknown as typeof systemLookup;
  const look = (all: boolean) =>
    new Promise<unknown>((done, fail) =>
      publicLookup("SETTING", resolve)("receiver.example", { all }, (error, found, family) =>
        error ? fail(error) : done(all ? found : [found, family]),
      ),
    );
  return { look, asked: () => asked };
}

test("the addresses that were checked are those of the connection, from one look-up", async () => {
  const { look, asked } = resolver("8.8.8.8", "2606:4700::1111");
  expect(await look(true)).toEqual([
    { address: "8.8.8.8", family: 4 },
    { address: "2606:4700::1111", family: 6 },
  ]);
  expect(asked()).toBe(1);
  expect(await look(false)).toEqual(["8.8.8.8", 4]);
});

test("a name is refused if only one of its addresses is not public", async () => {
  await expect(resolver("8.8.8.8", "10.0.0.7").look(true)).rejects.toThrow(
    "receiver.example has the address 10.0.0.7, which is not public: if that is right, set SETTING",
  );
  await expect(resolver("8.8.8.8", "::1").look(false)).rejects.toThrow("::1");
  await expect(resolver().look(false)).rejects.toThrow("no address");
});
