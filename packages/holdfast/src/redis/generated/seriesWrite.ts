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
  /** the bucket by task type, "" for none */
  typesBucket: string;
  /** how many buckets by task type are kept */
  keepTypes: number;
}

/** series_write: keep one bucket of the series of a queue, unless another process has written it. Refused at maxmemory. Returns 1 kept, 0 another process was faster. */
export const seriesWriteScript: Script<SeriesWriteArgs> = {
  name: "seriesWrite",
  sha1: "9117b61360915918eea23ab1de37cda8b585e1e2",
  keyCount: 4,
  argv: (k, a) => [k.series, k.seriesLong, k.seriesLast, k.seriesTypes, a.expectedAt, a.last, a.bucket, a.replaces, a.longBucket, a.keep, a.keepLong, a.ttlMs, a.typesBucket, a.keepTypes],
  source: "#!lua\nlocal ttlMs = tonumber(ARGV[8])\nlocal known = string.match(redis.call('GET', KEYS[3]) or '', '^%d+') or ''\nif known ~= ARGV[1] then\nreturn 0\nend\nif ARGV[5] ~= '' then\nredis.call('RPUSH', KEYS[2], ARGV[5])\nlocal keepLong = tonumber(ARGV[7])\nredis.call('LTRIM', KEYS[2], -keepLong, -1)\nend\nif ARGV[3] ~= '' then\nlocal replaces = tonumber(ARGV[4])\nif replaces == 1 and redis.call('LLEN', KEYS[1]) > 0 then\nredis.call('LSET', KEYS[1], -1, ARGV[3])\nelse\nredis.call('RPUSH', KEYS[1], ARGV[3])\nlocal keep = tonumber(ARGV[6])\nredis.call('LTRIM', KEYS[1], -keep, -1)\nend\nend\nif ARGV[9] ~= '' then\nredis.call('RPUSH', KEYS[4], ARGV[9])\nlocal keepTypes = tonumber(ARGV[10])\nredis.call('LTRIM', KEYS[4], -keepTypes, -1)\nredis.call('PEXPIRE', KEYS[4], ttlMs)\nend\nredis.call('SET', KEYS[3], ARGV[2], 'PX', ttlMs)\nredis.call('PEXPIRE', KEYS[1], ttlMs)\nredis.call('PEXPIRE', KEYS[2], ttlMs)\nreturn 1\n",
};
