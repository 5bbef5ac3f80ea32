// Made from lua/queries/flow_nodes.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface FlowNodesArgs {
  /** the id of the flow */
  flow: string;
  /** of the node before which the nodes are; "" for all nodes of the flow */
  taskId: string;
  /** place of the first node, 0 at the beginning */
  from: number;
  /** how many nodes to look at, 0 to 100 */
  limit: number;
}

/** flow_nodes: a flow, and a page of its nodes or of the nodes before one of them. Returns {} if there is no such flow; otherwise {the flow, moments that it has callbacks for, place of the next page or -1,. */
export const flowNodesScript: Script<FlowNodesArgs> = {
  name: "flowNodes",
  sha1: "66a4f2bd0c5247d50b26152d7d7dc8afee535402",
  keyCount: 3,
  argv: (k, a) => [k.tasks, k.state, k.results, a.flow, a.taskId, a.from, a.limit],
  source: "#!lua flags=no-writes\nlocal from = tonumber(ARGV[3])\nlocal limit = tonumber(ARGV[4])\nlocal flow = ARGV[1]\nlocal function headerIn(record)\nreturn record and string.match(record, '^c%S+ %S+ %S+ %d+ %S+ ([^\\n]+)')\nend\nlocal parsed = {}\nlocal FLOW_FIELDS = { 'total', 'waiting', 'completed', 'dead', 'cancelled', 'expired', 'skipped', 'faults', 'calls',\n'replayable', 'createdAt', 'sealBy', 'endedAt' }\nlocal TOTAL_FIELDS = { 'waiting', 'skipped', 'made', 'noted', 'taken', 'kept', 'running' }\nlocal function readNumbers(into, names, text)\nlocal place = 0\nfor number in string.gmatch(text, '%S+') do\nplace = place + 1\ninto[names[place]] = tonumber(number)\nend\nreturn into\nend\nlocal function readFlow(text)\nlocal letters, numbers = string.match(text or '', '^(%S+) (.*)$')\nreturn letters and readNumbers({ letters = letters }, FLOW_FIELDS, numbers)\nend\nlocal function isFlow(flow, letter)\nreturn string.find(flow.letters, letter, 1, true) ~= nil\nend\nlocal function lineOf(text)\nreturn text and string.match(text, '^[^\\n]*') or ''\nend\nlocal field = '%' .. flow\nlocal own = redis.call('HMGET', KEYS[2], field, field .. ':dead', field .. ':cancelled', field .. ':success', field .. ':done')\nlocal at = readFlow(own[1] or nil)\nif not at or isFlow(at, 'g') then\nreturn {}\nend\nlocal moments = {}\nfor place, moment in ipairs({ 'dead', 'cancelled', 'success', 'done' }) do\nmoments[#moments + 1] = own[place + 1] and moment or nil\nend\nlocal names, total = {}, at.total\nif ARGV[2] ~= '' then\nlocal before = {}\nfor name in string.gmatch(redis.call('HGET', KEYS[2], '<' .. ARGV[2]) or '', '%S+') do\nbefore[#before + 1] = name\nend\ntotal = #before\nfor place = from + 1, math.min(total, from + limit) do\nnames[#names + 1] = before[place]\nend\nelse\nfor page = math.floor(from / 500), math.floor((from + limit - 1) / 500) do\nlocal place = page * 500\nfor name in string.gmatch(redis.call('HGET', KEYS[2], string.format('%s %d', field, page)) or '', '%S+') do\nif place >= from and place < from + limit then\nnames[#names + 1] = name\nend\nplace = place + 1\nend\nend\nend\nlocal reply = { own[1], table.concat(moments, ' '), #names > 0 and from + #names < total and from + #names or -1 }\nif #names > 0 then\nlocal ids, before = {}, {}\nfor place, name in ipairs(names) do\nids[place] = flow .. '.' .. name\nbefore[place] = '<' .. ids[place]\nend\nlocal records, envelopes = redis.call('HMGET', KEYS[2], unpack(ids)), redis.call('HMGET', KEYS[1], unpack(ids))\nlocal results, after = redis.call('HMGET', KEYS[3], unpack(ids)), redis.call('HMGET', KEYS[2], unpack(before))\nfor place, name in ipairs(names) do\nfor _, text in ipairs({ name, records[place] or '', envelopes[place] and lineOf(envelopes[place]) or headerIn(records[place]) or '',\nresults[place] or '', after[place] or '' }) do\nreply[#reply + 1] = text\nend\nend\nend\nreturn reply\n",
};
