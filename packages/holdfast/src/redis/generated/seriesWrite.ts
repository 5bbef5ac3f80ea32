// Made from lua/operators/series_write.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface SeriesWriteArgs {
  /** end of the last bucket as the caller has seen it, "" for none */
  expectedAt: string;
  /** the new value of series_last */
  last: string;
  /** the bucket of 10 s, "" for none */
  bucket: string;
  /** 1: the bucket extends the last one, and replaces it */
  replaces: number;
  /** the bucket of 5 minutes, "" for none */
  longBucket: string;
  /** how many buckets of 10 s are kept */
  keep: number;
  /** how many buckets of 5 minutes are kept */
  keepLong: number;
  ttlMs: number;
}

/** series_write: keep one bucket of the series of a queue, unless another process has written it. Refused at maxmemory. Returns 1 kept, 0 another process was faster. */
export const seriesWriteScript: Script<SeriesWriteArgs> = {
  name: "seriesWrite",
  sha1: "773cc3c2f06df6db5ce1cf5be727adfd06fd94be",
  keyCount: 3,
  argv: (k, a) => [k.series, k.seriesLong, k.seriesLast, a.expectedAt, a.last, a.bucket, a.replaces, a.longBucket, a.keep, a.keepLong, a.ttlMs],
  source: "#!lua\nlocal replaces = tonumber(ARGV[4])\nlocal keep = tonumber(ARGV[6])\nlocal keepLong = tonumber(ARGV[7])\nlocal ttlMs = tonumber(ARGV[8])\nlocal known = string.match(redis.call('GET', KEYS[3]) or '', '^%d+') or ''\nif known ~= ARGV[1] then\nreturn 0\nend\nif ARGV[5] ~= '' then\nredis.call('RPUSH', KEYS[2], ARGV[5])\nredis.call('LTRIM', KEYS[2], -keepLong, -1)\nend\nif ARGV[3] ~= '' then\nif replaces == 1 and redis.call('LLEN', KEYS[1]) > 0 then\nredis.call('LSET', KEYS[1], -1, ARGV[3])\nelse\nredis.call('RPUSH', KEYS[1], ARGV[3])\nredis.call('LTRIM', KEYS[1], -keep, -1)\nend\nend\nredis.call('SET', KEYS[3], ARGV[2], 'PX', ttlMs)\nredis.call('PEXPIRE', KEYS[1], ttlMs)\nredis.call('PEXPIRE', KEYS[2], ttlMs)\nreturn 1\n",
};
