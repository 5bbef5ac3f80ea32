import { RateLimiter } from "@holdfast/service";
import { keyIdOf } from "@holdfast/service/keys";
import type { FastifyRequest } from "fastify";
import { type AuditLog, authorOf, type NewRecord } from "./audit-log.ts";

/**
 * How many refused log-ins get a record of their own, for all addresses together. Without this limit, strangers could
 * fill the audit log.
 */
const RECORDED = { perSecond: 10 / 60, burst: 10 };
/** The other refused log-ins are collected for this long, ms, and then get one common record. */
const TOGETHER_MS = 60_000;

/**
 * Records refused log-ins in the audit log. While they are few, each gets a record. If there are many, one record
 * stands for several log-ins.
 */
export class RefusedLogIns {
  readonly #audit: AuditLog;
  readonly #limiter = new RateLimiter(RECORDED);
  #leftOut = 0;
  #last: NewRecord | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(audit: AuditLog) {
    this.#audit = audit;
  }

  /**
   * @param text the text that was sent as the key. Only the key id in it is recorded, and the sender may have
   * invented that id.
   */
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

  /** Writes the common record of the log-ins that got no record of their own. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [record, count] = [this.#last, this.#leftOut];
    this.#last = undefined;
    this.#leftOut = 0;
    if (record === undefined) return;
    const reason = `${count} refused log-ins, too many to record one by one; the record describes the last one`;
    await this.#audit.record({ ...record, count, reason });
  }
}
