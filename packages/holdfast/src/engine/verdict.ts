import { fenceOf } from "./turn.ts";

/** What a worker says of an attempt. Of the token, the fence alone is enough. */
export type Verdict =
  | { kind: "ack"; id: string; token: string; resultText?: string }
  | { kind: "fail"; id: string; token: string; delayMs: number; error: string }
  | { kind: "fatal" | "quarantine"; id: string; token: string; error: string }
  | { kind: "release"; id: string; token: string }
  /** Never begun: handed back as it was, however often. */
  | { kind: "unstarted"; id: string; token: string }
  | { kind: "unrouted"; id: string; token: string; delayMs: number };

/** The verdicts as `lua/settle.lua` wants them, and where each of them stood: acks first, by the fence that they share. */
export function verdictTail(verdicts: readonly Verdict[]) {
  const byFence = new Map<string, { ids: string[]; places: number[] }>();
  const others: (string | number)[] = [];
  const otherPlaces: number[] = [];
  verdicts.forEach((verdict, place) => {
    const fence = fenceOf(verdict.token);
    if (verdict.kind === "ack" && verdict.resultText === undefined) {
      const own = byFence.get(fence) ?? { ids: [], places: [] };
      if (own.ids.length === 0) byFence.set(fence, own);
      own.ids.push(verdict.id);
      own.places.push(place);
      return;
    }
    const delayMs = "delayMs" in verdict ? Math.round(verdict.delayMs) : 0;
    const text =
      verdict.kind === "ack" ? (verdict.resultText ?? "") : "error" in verdict ? verdict.error : "";
    others.push(verdict.id, fence, verdict.kind, delayMs, text);
    otherPlaces.push(place);
  });
  const heads = [...byFence].flatMap(([fence, { ids }]) => [fence, String(ids.length)]);
  const ids = [...byFence.values()].flatMap((own) => own.ids);
  return {
    acks: ids.length,
    fences: byFence.size,
    tail: heads.concat(ids, others as string[]),
    places: [...byFence.values()].flatMap((own) => own.places).concat(otherPlaces),
  };
}
