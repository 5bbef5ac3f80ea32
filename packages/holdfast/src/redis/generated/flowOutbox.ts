// Made from lua/queries/flow_outbox.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface FlowOutboxArgs {
  /** which of the queues and partitions for which messages wait, counted from 1 */
  place: number;
  /** how many messages at most, 1 to 200 */
  limit: number;
  /** no further message is read after this many bytes of envelopes */
  bytes: number;
}

/** flow_outbox: read messages that wait for another queue or partition. Returns {} if there is no such place; otherwise {queue or partition, number of the last message, message, envelope, ...}. */
export const flowOutboxScript: Script<FlowOutboxArgs> = {
  name: "flowOutbox",
  sha1: "82366266333cd8dbe267cd137931036e62e8c479",
  keyCount: 2,
  argv: (k, a) => [k.tasks, k.state, a.place, a.limit, a.bytes],
  source: "#!lua flags=no-writes\nlocal place = tonumber(ARGV[1])\nlocal limit = tonumber(ARGV[2])\nlocal bytes = tonumber(ARGV[3])\nlocal parts = {}\nfor part in string.gmatch(redis.call('HGET', KEYS[2], '#out') or '', '%S+') do\nparts[#parts + 1] = part\nend\nlocal part = parts[place]\nif not part then\nreturn {}\nend\nlocal header = '^' .. part\nlocal written, sent = string.match(redis.call('HGET', KEYS[2], header) or '0 0', '^(%d+) (%d+)')\nlocal names = {}\nfor number = sent + 1, math.min(tonumber(written), sent + limit) do\nnames[#names + 1] = string.format('%s %.0f', header, number)\nend\nlocal reply, size = { part, tonumber(sent) }, 0\nfor _, text in ipairs(#names > 0 and redis.call('HMGET', KEYS[2], unpack(names)) or {}) do\nlocal id = string.match(text or '', '^%d+ e (%S+)')\nlocal envelope = id and redis.call('HGET', KEYS[1], id) or ''\nsize = size + #envelope\nreply[2] = reply[2] + 1\nreply[#reply + 1], reply[#reply + 2] = text or '', envelope\nif size > bytes then\nbreak\nend\nend\nreturn reply\n",
};
