import { RateLimiter } from "@holdfast/service";
import { keyIdOf } from "@holdfast/service/keys";
import type { FastifyRequest } from "fastify";
import { type AuditLog, authorOf, type NewRecord } from "./audit-log.ts";

/** Records of refused log-ins, over all addresses: strangers must not push everything else out of the audit log. */
const RECORDED = { perSecond: 10 / 60, burst: 10 };
/** Time from the first log-in that was left out to the record for all of them, ms. */
const TOGETHER_MS = 60_000;

/** Records each refused log-in while there are few, and then one record for many. */
export class RefusedLogIns {
  readonly #audit: AuditLog;
  readonly #limiter = new RateLimiter(RECORDED);
  #leftOut = 0;
  #last: NewRecord | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(audit: AuditLog) {
    this.#audit = audit;
  }

  /** @param text the text sent as the key. Only the id in it is recorded, and it proves nothing. */
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
    // The timer must not keep the process alive.
    this.#timer ??= setTimeout(() => void this.flush(), TOGETHER_MS).unref();
  }

  /** Records the log-ins that were left out. */
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
