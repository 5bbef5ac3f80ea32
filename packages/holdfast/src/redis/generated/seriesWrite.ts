// Made from lua/series_write.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface SeriesWriteArgs {
  /** end of the last bucket as the caller has seen it, "" for none */
  expectedAt: string;
  /** what to compare with next */
  last: string;
  /** "" for none */
  bucket: string;
  /** 1: it is the last one, made longer */
  replaces: number;
  /** "" for none */
  longBucket: string;
  /** buckets of 10 s */
  keep: number;
  /** buckets of 5 minutes */
  keepLong: number;
  ttlMs: number;
}

/** series_write: keep one bucket of the series of a queue, unless another process has kept it. Refused at maxmemory. Returns 1 kept, 0 another was quicker. */
export const seriesWriteScript: Script<SeriesWriteArgs> = {
  name: "seriesWrite",
  sha1: "2a0d82aaf50e5c575d9504409ff2646e4b44775d",
  keyCount: 3,
  argv: (k, a) => [k.series, k.seriesLong, k.seriesLast, a.expectedAt, a.last, a.bucket, a.replaces, a.longBucket, a.keep, a.keepLong, a.ttlMs],
  source: "#!lua\nlocal seriesKey = KEYS[1]\nlocal seriesLongKey = KEYS[2]\nlocal seriesLastKey = KEYS[3]\nlocal expectedAt = ARGV[1]\nlocal last = ARGV[2]\nlocal bucket = ARGV[3]\nlocal replaces = tonumber(ARGV[4])\nlocal longBucket = ARGV[5]\nlocal keep = tonumber(ARGV[6])\nlocal keepLong = tonumber(ARGV[7])\nlocal ttlMs = tonumber(ARGV[8])\nlocal known = string.match(redis.call('GET', seriesLastKey) or '', '^%d+') or ''\nif known ~= expectedAt then\nreturn 0\nend\nif longBucket ~= '' then\nredis.call('RPUSH', seriesLongKey, longBucket)\nredis.call('LTRIM', seriesLongKey, -keepLong, -1)\nend\nif bucket ~= '' then\nif replaces == 1 and redis.call('LLEN', seriesKey) > 0 then\nredis.call('LSET', seriesKey, -1, bucket)\nelse\nredis.call('RPUSH', seriesKey, bucket)\nredis.call('LTRIM', seriesKey, -keep, -1)\nend\nend\nredis.call('SET', seriesLastKey, last, 'PX', ttlMs)\nredis.call('PEXPIRE', seriesKey, ttlMs)\nredis.call('PEXPIRE', seriesLongKey, ttlMs)\nreturn 1\n",
};
