import { RateLimiter } from "@holdfast/service";
import type { FastifyRequest } from "fastify";
import { keyIdOf } from "holdfast";
import { type AuditLog, authorOf, type NewRecord } from "./audit-log.ts";

/** Records of refused log-ins, of all addresses together: strangers must not push everything else out of the audit log. */
const RECORDED = { perSecond: 10 / 60, burst: 10 };
/** When those that were left out are recorded together, ms after the first of them. */
const TOGETHER_MS = 60_000;

/** Leaves a record of each refused log-in as long as they are few, and then one of many. */
export class RefusedLogIns {
  readonly #audit: AuditLog;
  readonly #limiter = new RateLimiter(RECORDED);
  #leftOut = 0;
  #last: NewRecord | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(audit: AuditLog) {
    this.#audit = audit;
  }

  /** @param text what was sent as the key: only the id in it is kept, and it proves nothing */
  add(request: FastifyRequest, text: string, code: string): void {
    const record: NewRecord = {
      ...authorOf(request),
      action: "session.log_in",
      subject: keyIdOf(text),
      count: 1,
      outcome: "refused",
      code,
    };
    if (this.#limiter.take("all").isAllowed) {
      void this.#audit.record(record);
      return;
    }
    this.#leftOut++;
    this.#last = record;
    // Whatever it waits for, the process may end meanwhile.
    this.#timer ??= setTimeout(() => void this.flush(), TOGETHER_MS).unref();
  }

  /** Records those that were left out. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [record, count] = [this.#last, this.#leftOut];
    this.#last = undefined;
    this.#leftOut = 0;
    if (record === undefined) return;
    const reason = `${count} refused log-ins in one record: there were too many for one each, and this is the last of them`;
    await this.#audit.record({ ...record, count, reason });
  }
}
