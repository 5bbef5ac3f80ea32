import type { AuditRecord } from "@holdfast/contracts/api";
import { plural, t } from "@lingui/core/macro";

export type MarkKind = "deploy" | "pause" | "resume" | "replay";

/** An event in the queue that may explain a change in a chart. */
export interface Mark {
  at: number;
  kind: MarkKind;
  /** The description of the event. It can contain text that a user typed, such as the reason for a pause. */
  text: string;
}

export const MARK_LOOK: Record<MarkKind, { letter: string; name: () => string; color: string }> = {
  deploy: { letter: "D", name: () => t`Deploy`, color: "var(--accent)" },
  pause: { letter: "P", name: () => t`Pause`, color: "var(--warn)" },
  resume: { letter: "C", name: () => t`Resume`, color: "var(--warn)" },
  replay: { letter: "R", name: () => t`Replay`, color: "var(--scheduled)" },
};

/** The most marks that charts and the table show: the newest ones. */
const MOST_MARKS = 60;

const because = (reason: string | null) => (reason === null || reason === "" ? "" : `: ${reason}`);

function markOf({ at, actor, action, count, reason, outcome }: AuditRecord): Mark | null {
  if (outcome === "refused" || outcome === "failed") return null;
  switch (action) {
    case "queue.pause":
      return { at, kind: "pause", text: t`Paused by ${actor}` + because(reason) };
    case "queue.resume":
      return { at, kind: "resume", text: t`Resumed by ${actor}` + because(reason) };
    case "dead_letters.replay":
      return {
        at,
        kind: "replay",
        text:
          t`${plural(count, { one: "# dead letter", other: "# dead letters" })} replayed by ${actor}` +
          because(reason),
      };
    default:
      return null;
  }
}

/** Returns the marks of a chart, oldest first. @param deploys the times at which the workers changed their version */
export function marksOf(
  deploys: readonly { at: number; version: string }[],
  actions: readonly AuditRecord[],
  { since, until }: { since: number; until: number },
): Mark[] {
  return [
    ...deploys.map(
      ({ at, version }): Mark => ({ at, kind: "deploy", text: t`Workers of version ${version}` }),
    ),
    ...actions.map(markOf).filter((mark) => mark !== null),
  ]
    .filter(({ at }) => at > since && at <= until)
    .sort((a, b) => a.at - b.at)
    .slice(-MOST_MARKS);
}

/** Returns the marks near the time that the pointer points at. */
export const marksNear = (marks: readonly Mark[], at: number, spanMs: number): Mark[] =>
  marks.filter((mark) => Math.abs(mark.at - at) <= spanMs / 80);
