import { ApiError } from "./api.mjs";

/**
 * Returns the tasks of a run: id -> task. Reads the pages of completed tasks first, and then the missing tasks one by
 * one.
 */
export async function readRecords(observability, queuePath, ids, prefix, forEach) {
  const wanted = new Set(ids);
  const found = new Map();
  for (let cursor = null; ; ) {
    const query = new URLSearchParams({
      state: "completed",
      limit: "100",
      q: prefix,
      ...(cursor && { cursor }),
    });
    const page = await observability("GET", `${queuePath}/tasks?${query}`);
    for (const task of page.tasks) if (wanted.has(task.id)) found.set(task.id, task);
    cursor = page.cursor;
    if (cursor === null || found.size === wanted.size) break;
  }
  await forEach(
    ids.filter((id) => !found.has(id)),
    16,
    async (id) => {
      try {
        found.set(id, await observability("GET", `${queuePath}/tasks/${id}`));
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }
    },
  );
  return found;
}
