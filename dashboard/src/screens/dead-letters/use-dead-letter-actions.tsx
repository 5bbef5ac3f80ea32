import { LIMITS } from "@holdfast/contracts";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import {
  type BulkAnswer,
  countDeadLetters,
  type DeadLetterFilter,
  type DeadLetterTarget,
  discardDeadLetters,
  replayDeadLetters,
} from "../../api/dead-letters.ts";
import { queueKey } from "../../api/queues.ts";
import { count, plural } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { DEAD_REASON_TEXT } from "../../ui/status.tsx";
import { useToasts } from "../../ui/toast.tsx";

/** Above this many a click is not enough. */
export const TYPED_ABOVE = 100;

interface Plan {
  verb: "replay" | "discard";
  target: DeadLetterTarget;
  /** As known when the dialog opened; the phrase must not change while it is typed. */
  size: number;
  title: string;
  text: string;
  action: string;
}

/** What has to be typed before a plan runs: nothing for a small replay, always something for a discard. */
export function confirmationPhrase(verb: Plan["verb"], size: number): string | null {
  return verb === "discard" || size > TYPED_ABOVE ? `${verb} ${size}` : null;
}

/** A request takes at most 1,000 ids; up to 500 it answers with the result at once. */
const IDS_PER_REQUEST = LIMITS.scriptTasks;

async function inBatches(ids: string[], act: (ids: string[]) => Promise<BulkAnswer>): Promise<BulkAnswer> {
  const sum = { done: 0, skipped: 0 };
  for (let start = 0; start < ids.length; start += IDS_PER_REQUEST) {
    const answer = await act(ids.slice(start, start + IDS_PER_REQUEST));
    if ("operation" in answer) return answer;
    sum.done += answer.done;
    sum.skipped += answer.skipped;
  }
  return sum;
}

export interface DeadLetterActions {
  replayIds(ids: string[]): void;
  replayAll(total: number): void;
  replayFilter(filter: DeadLetterFilter): void;
  discardIds(ids: string[]): void;
  discardAll(total: number): void;
  dialog: ReactNode;
}

export function useDeadLetterActions(queue: string, onDone: () => void): DeadLetterActions {
  const client = useQueryClient();
  const { trackOperation } = useLive();
  const { say, fail } = useToasts();
  const [plan, setPlan] = useState<Plan | null>(null);

  const run = async ({ verb, target }: Pick<Plan, "verb" | "target">) => {
    const act = verb === "replay" ? replayDeadLetters : discardDeadLetters;
    const answer =
      "ids" in target ? await inBatches(target.ids, (ids) => act(queue, { ids })) : await act(queue, target);
    if ("operation" in answer) trackOperation(answer.operation);
    else {
      say(
        `${plural(answer.done, "dead letter")} ${verb === "replay" ? "replayed" : "discarded"}`,
        answer.skipped === 0 ? undefined : `${count(answer.skipped)} were no longer dead.`,
      );
    }
    onDone();
    await client.invalidateQueries({ queryKey: queueKey(queue) });
  };

  const replayText = "Each goes back to pending with its attempts at zero; its history stays.";
  const discardText = "Task, payload and history are deleted.";
  return {
    replayIds: (ids) => {
      const target = { ids };
      if (ids.length <= TYPED_ABOVE) {
        void run({ verb: "replay", target }).catch((error: unknown) => fail("Not replayed", error));
        return;
      }
      setPlan({
        verb: "replay",
        target,
        size: ids.length,
        title: `Replay ${plural(ids.length, "dead letter")}`,
        text: replayText,
        action: "Replay",
      });
    },
    replayAll: (total) =>
      setPlan({
        verb: "replay",
        target: { all: true },
        size: total,
        title: `Replay all ${plural(total, "dead letter")} of ${queue}`,
        text: `${replayText} Those that die meanwhile may be included.`,
        action: "Replay all",
      }),
    replayFilter: (filter) => {
      // Groups are counted over the newest dead letters only: the size of the plan is asked for.
      countDeadLetters(queue, filter).then(
        (size) =>
          setPlan({
            verb: "replay",
            target: { filter },
            size,
            title: `Replay ${plural(size, "dead letter")}`,
            text: `All of type “${filter.type ?? "any"}” with reason “${
              filter.reason === undefined ? "any" : DEAD_REASON_TEXT[filter.reason]
            }”, whatever their error. ${replayText}`,
            action: "Replay",
          }),
        (error: unknown) => fail("The dead letters could not be counted", error),
      );
    },
    discardIds: (ids) =>
      setPlan({
        verb: "discard",
        target: { ids },
        size: ids.length,
        title: `Discard ${plural(ids.length, "dead letter")}`,
        text: discardText,
        action: "Discard",
      }),
    discardAll: (total) =>
      setPlan({
        verb: "discard",
        target: { all: true },
        size: total,
        title: `Discard all ${plural(total, "dead letter")} of ${queue}`,
        text: discardText,
        action: "Discard all",
      }),
    dialog:
      plan === null ? null : (
        <ConfirmDialog
          title={plan.title}
          action={plan.action}
          danger={plan.verb === "discard"}
          phrase={confirmationPhrase(plan.verb, plan.size)}
          onConfirm={() => run(plan)}
          onClose={() => setPlan(null)}
        >
          {plan.text}
        </ConfirmDialog>
      ),
  };
}
