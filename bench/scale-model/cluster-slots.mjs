// Computes on which node of a Cluster each partition is.
export const SLOTS = 16_384;

/** Returns the Cluster slot of a hash tag: CRC16 (XMODEM), as Redis computes it. */
export function slotOf(tag) {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}

/**
 * Returns the hash tags of all parts of `queues` queues. Each queue has `partitions` partitions; 0 means that it has
 * none.
 */
export function tagsOf(queues, partitions, name = "tasks") {
  const names = queues === 1 ? [name] : Array.from({ length: queues }, (_, at) => `${name}-${at}`);
  if (partitions === 0) return names;
  return names.flatMap((queue) => Array.from({ length: partitions }, (_, part) => `${queue}/${part}`));
}

/**
 * Returns the share of the load that the fullest node gets, 0 to 1. All parts get the same load, and each node has
 * the same number of Cluster slots, in one range (as after `redis-cli --cluster create`).
 * @param slots the Cluster slot of each part
 */
export function fullestShare(slots, nodes) {
  const parts = new Array(nodes).fill(0);
  for (const slot of slots) parts[Math.min(nodes - 1, Math.floor((slot * nodes) / SLOTS))]++;
  return Math.max(...parts) / slots.length;
}
