import { expect, test } from "vitest";
import { mintId, mintIds } from "./mint-ids.ts";

test("ids are unique and have 14 characters of the alphabet of nanoid, and do not begin with a dash", () => {
  const ids = Array.from({ length: 20_000 }, mintId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[A-Za-z0-9_][A-Za-z0-9_-]{13}$/.test(id))).toEqual([]);
});

test("each character is about as frequent at each place, except that the first place has no dash and twice as many e", () => {
  const count = 64 * 400;
  const seen = Array.from({ length: 14 }, () => new Map<string, number>());
  for (let i = 0; i < count; i++) {
    const id = mintId();
    seen.forEach((characters, place) => {
      const character = id[place] as string;
      characters.set(character, (characters.get(character) ?? 0) + 1);
    });
  }
  // Each character is expected 400 times, with a standard deviation of 20. Eight deviations are no coincidence.
  for (const [place, characters] of seen.entries()) {
    expect(characters.size).toBe(place === 0 ? 63 : 64);
    for (const [character, times] of characters)
      expect(Math.abs(times - (place === 0 && character === "e" ? 800 : 400))).toBeLessThan(160);
  }
});

test("ids that are minted together are unique too, and their bytes are equal to their texts", () => {
  const seen = new Set<string>();
  for (const count of [1, 3, 100, 2_496, 5_001, 500, 2_000]) {
    const { ids, bytes } = mintIds(count);
    expect(ids).toHaveLength(count);
    expect(ids.filter((id) => !/^[A-Za-z0-9_][A-Za-z0-9_-]{13}$/.test(id))).toEqual([]);
    expect(bytes.toString("latin1", 0, 14 * count)).toBe(ids.join(""));
    for (const id of ids) seen.add(id);
  }
  expect(seen.size).toBe(10_101);
});
