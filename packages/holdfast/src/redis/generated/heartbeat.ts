// Made from lua/transitions/heartbeat.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface HeartbeatArgs {
  /** 0 for Redis time */
  clockMs: number;
  leaseMs: number;
  /** repeated, at most 500 times: taskId, fence of its token */
  tail: readonly (string | number)[];
}

/** heartbeat: extend the leases that a worker holds. The caller names each lease by task and fence. Returns a letter per pair: r renewed, c renewed and a cancel was requested, l lost. */
export const heartbeatScript: Script<HeartbeatArgs> = {
  name: "heartbeat",
  sha1: "edf51478858aa506c568f1aeded54b8032e3ea65",
  keyCount: 2,
  argv: (k, a) => [k.processing, k.state, a.clockMs, a.leaseMs, ...a.tail],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal leaseMs = tonumber(ARGV[2])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal function parseCounts(head)\nlocal attempts, rest = string.match(head, '^%a(%d+)([^%s@]*)')\nlocal c = { attempts = 0, failures = 0, crashes = 0, releases = 0, generation = 0, unroutedSince = 0, limited = 0, flags = '' }\nc.attempts = tonumber(attempts or 0)\nif string.byte(rest or '') == 44 then\nlocal failures, crashes, releases, generation, unroutedSince, limited, flags = string.match(rest, '^,(%d+),(%d+),(%d+),(%d+),(%d+),?(%d*),(%a*)$')\nc.failures, c.crashes, c.releases = tonumber(failures), tonumber(crashes), tonumber(releases)\nc.generation, c.unroutedSince, c.limited, c.flags = tonumber(generation), tonumber(unroutedSince), tonumber(limited) or 0, flags\nelse\nc.flags = rest or ''\nend\nreturn c\nend\nlocal function hasFlag(c, flag)\nreturn string.find(c.flags, flag, 1, true) ~= nil\nend\nlocal parsed = {}\nlocal ids = {}\nfor at = 3, #ARGV, 2 do\nids[#ids + 1] = ARGV[at]\nend\nlocal records = redis.call('HMGET', KEYS[2], unpack(ids))\nlocal letters, leases = {}, {}\nfor i, id in ipairs(ids) do\nlocal record = records[i]\nlocal fence, _, deadline\ndo\nlocal record = record or ''\nif record ~= parsed.record then\nlocal fence, grantedAt, deadline, maxAttempts, workerId = string.match(record, '^l%S+ (%S+) (%d+) (%d+) (%d+) ([^\\n ]+)')\nparsed = { record = record, fence = fence, grantedAt = grantedAt, deadline = deadline, maxAttempts = tonumber(maxAttempts), workerId = workerId }\nend\nfence, _, deadline = parsed.fence, parsed.grantedAt, parsed.deadline, parsed.maxAttempts, parsed.workerId\nend\ndeadline = tonumber(deadline)\nif fence ~= ARGV[3 + 2 * i - 1] or deadline <= now then\nletters[i] = 'l'\nelse\nleases[#leases + 1] = string.format('%.0f', math.min(now + leaseMs, deadline))\nleases[#leases + 1] = id\nletters[i] = hasFlag(parseCounts(record), 'x') and 'c' or 'r'\nend\nend\nif #leases > 0 then\nredis.call('ZADD', KEYS[1], 'XX', unpack(leases))\nend\nreturn table.concat(letters)\n",
};
