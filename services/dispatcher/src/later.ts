import { FatalError, HoldfastError, Postpone } from "@holdfast/contracts";
import { JsonText } from "holdfast";

/** How an endpoint says that a task has ended, after it has answered 202. */
export type Settlement =
  | { verdict: "completed"; resultText?: string | undefined }
  | { verdict: "failed" | "fatal"; error?: string | undefined }
  | { verdict: "postpone"; delayMs: number };

interface Held {
  token: string;
  end(settlement: Settlement): void;
}

/** A task of this process whose endpoint may report its end. */
export interface Expected {
  /** What the endpoint has reported. */
  readonly settlement: Promise<Settlement>;
  /** Whether it has reported already. */
  readonly hasEnded: boolean;
  forget(): void;
}

/**
 * The tasks that this process holds and whose endpoints may report their ends. Another process cannot end them, because
 * only the holder of the lease can.
 */
export class LaterTasks {
  readonly #held = new Map<string, Held>();

  /** Expects a report from now on. A report may come before the answer 202 was read. */
  expect(endpoint: string, id: string, token: string): Expected {
    const place = `${endpoint} ${id}`;
    let hasEnded = false;
    const settlement = new Promise<Settlement>((resolve) => {
      this.#held.set(place, {
        token,
        end: (given) => {
          hasEnded = true;
          this.#held.delete(place);
          resolve(given);
        },
      });
    });
    return {
      settlement,
      get hasEnded() {
        return hasEnded;
      },
      forget: () => {
        if (this.#held.get(place)?.token === token) this.#held.delete(place);
      },
    };
  }

  /** Takes the report of an endpoint. @throws HoldfastError task_not_found; conflict if the token is not the current one */
  settle(endpoint: string, id: string, token: string, settlement: Settlement): void {
    const held = this.#held.get(`${endpoint} ${id}`);
    if (!held)
      throw new HoldfastError(
        "task_not_found",
        `this dispatcher does not hold the task ${id} for ${endpoint}: it has ended, its lease was lost, or another dispatcher holds it`,
        { taskId: id },
      );
    if (held.token !== token)
      throw new HoldfastError("conflict", `the token is not that of the current attempt of task ${id}`, {
        taskId: id,
      });
    held.end(settlement);
  }
}

/** Ends the attempt of a handler as its endpoint said. @returns the result @throws what the worker expects */
export function conclude(settlement: Settlement): JsonText | undefined {
  switch (settlement.verdict) {
    case "completed":
      return settlement.resultText === undefined ? undefined : new JsonText(settlement.resultText);
    case "postpone":
      throw new Postpone(settlement.delayMs);
    case "fatal":
      throw new FatalError(settlement.error ?? "the endpoint gave the task up");
    default:
      throw new Error(settlement.error ?? "the endpoint reported a failure");
  }
}
