import { Redis } from "ioredis";

let calls = 0;

/** Counts the commands that the client libraries in this process send. A script call is one command. */
export function countCalls(places) {
  for (const [object, method] of places) {
    const original = object[method];
    object[method] = function counted(...args) {
      calls++;
      return original.apply(this, args);
    };
  }
}

function field(text, name) {
  return Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(text)?.[1]);
}

/**
 * Measures the cost of a phase: µs of Redis (INFO cpu), µs of Node (process.cpuUsage, all threads), calls, and bytes.
 */
export async function openMeter(url) {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  const read = async () => {
    const text = await redis.info("everything");
    return {
      redisUs: (field(text, "used_cpu_user") + field(text, "used_cpu_sys")) * 1e6,
      wire: field(text, "total_net_input_bytes") + field(text, "total_net_output_bytes"),
      commands: field(text, "total_commands_processed"),
      memory: field(text, "used_memory"),
      infoBytes: text.length,
    };
  };
  return {
    redis,
    read,
    /** Returns a meter for one phase. Call `begin()` at its start, `end()` at its end, and then `costs(tasks)`. */
    async before() {
      const info = await read();
      let cpu;
      let at;
      let callsBefore;
      let ms;
      let used;
      let sent;
      return {
        begin() {
          cpu = process.cpuUsage();
          callsBefore = calls;
          at = performance.now();
        },
        end() {
          ms = performance.now() - at;
          used = process.cpuUsage(cpu);
          sent = calls - callsBefore;
        },
        async costs(tasks) {
          const after = await read();
          return {
            tasks_per_s: (tasks / ms) * 1_000,
            ms,
            redis_us: (after.redisUs - info.redisUs) / tasks,
            node_us: (used.user + used.system) / tasks,
            client_calls: sent / tasks,
            server_commands: (after.commands - info.commands) / tasks,
            wire_bytes: (after.wire - info.wire - info.infoBytes) / tasks,
            memory_bytes: (after.memory - info.memory) / tasks,
          };
        },
      };
    },
    close: () => redis.disconnect(),
  };
}
