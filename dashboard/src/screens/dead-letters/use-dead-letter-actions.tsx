import { LIMITS, type TaskView } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import {
  type BulkAnswer,
  type DeadLetterTarget,
  discardDeadLetters,
  type ReplayOptions,
  replayDeadLetters,
} from "../../api/dead-letters.ts";
import { actOnOperation } from "../../api/operations.ts";
import { queueKey } from "../../api/queues.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { DiscardDialog } from "./discard-dialog.tsx";
import { ReplayDialog } from "./replay-dialog.tsx";

/** The most ids in one request. Up to this number, the service answers with the result and starts no operation. */
const IDS_PER_REQUEST = LIMITS.scriptTasks;

async function inBatches(ids: string[], act: (ids: string[]) => Promise<BulkAnswer>): Promise<BulkAnswer> {
  if (ids.length <= LIMITS.batchTasks) return act(ids);
  const sum = { done: 0, skipped: 0 };
  for (let start = 0; start < ids.length; start += IDS_PER_REQUEST) {
    const answer = await act(ids.slice(start, start + IDS_PER_REQUEST));
    if ("operation" in answer) return answer;
    sum.done += answer.done;
    sum.skipped += answer.skipped;
  }
  return sum;
}

interface Plan {
  verb: "replay" | "discard";
  target: DeadLetterTarget;
  /** The selected tasks in words, for the title of the dialog. */
  what: string;
  /** The task whose payload can be edited before the replay; null if the selection is not a single task. */
  task: TaskView | null;
  onDone: () => void;
}

export interface DeadLetterActions {
  /** Replays one task at once and unchanged. */
  replayOne(id: string): void;
  /** Opens the dialog with the replay options. */
  replay(target: DeadLetterTarget, what: string, onDone?: () => void): void;
  /** Opens the dialog with the payload of this task to edit. */
  editAndReplay(task: TaskView): void;
  discard(target: DeadLetterTarget, what: string, onDone?: () => void): void;
  dialog: ReactNode;
}

export function useDeadLetterActions(queue: string): DeadLetterActions {
  const client = useQueryClient();
  const { trackOperation } = useLive();
  const { say, warn, fail } = useToasts();
  const [plan, setPlan] = useState<Plan | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: queueKey(queue) });

  const undo = (id: string) =>
    actOnOperation(id, "undo").then(
      async (operation) => {
        trackOperation(operation);
        say(
          () => t`The discard is being undone`,
          () => t`Each task goes back to the dead letters.`,
        );
        await refresh();
      },
      (error: unknown) => fail(() => t`The discard was not undone`, error),
    );
  const tell = async (answer: BulkAnswer, verb: "replayed" | "discarded") => {
    if ("operation" in answer) trackOperation(answer.operation);
    else if (answer.done === 0) {
      warn(
        () => (verb === "replayed" ? t`Nothing was replayed` : t`Nothing was discarded`),
        () =>
          answer.skipped === 1
            ? t`The task is no longer a dead letter, or another task holds its unique key.`
            : answer.skipped === 0
              ? t`There are no more matching dead letters.`
              : t`The ${count(answer.skipped)} tasks are no longer dead letters, or other tasks hold their unique keys.`,
      );
    } else {
      const { operationId } = answer;
      say(
        () =>
          verb === "replayed"
            ? plural(answer.done, { one: "# dead letter replayed", other: "# dead letters replayed" })
            : plural(answer.done, { one: "# dead letter discarded", other: "# dead letters discarded" }),
        () =>
          answer.skipped === 0
            ? undefined
            : t`${count(answer.skipped)} were no longer dead, or other tasks hold their unique keys.`,
        verb === "discarded" && operationId !== undefined
          ? { text: () => t`Undo`, run: () => void undo(operationId) }
          : undefined,
      );
    }
    await refresh();
  };
  const replay = async (target: DeadLetterTarget, options: ReplayOptions) =>
    tell(
      "ids" in target
        ? await inBatches(target.ids, (ids) => replayDeadLetters(queue, { ids }, options))
        : await replayDeadLetters(queue, target, options),
      "replayed",
    );
  const discard = async (target: DeadLetterTarget, reason: string | undefined) =>
    tell(
      "ids" in target
        ? await inBatches(target.ids, (ids) => discardDeadLetters(queue, { ids }, reason))
        : await discardDeadLetters(queue, target, reason),
      "discarded",
    );
  const close = () => setPlan(null);
  const nothing = () => {};

  return {
    replayOne: (id) =>
      void replay({ ids: [id] }, {}).catch((error: unknown) =>
        fail(() => t`The task was not replayed`, error),
      ),
    replay: (target, what, onDone = nothing) => setPlan({ verb: "replay", target, what, task: null, onDone }),
    editAndReplay: (task) =>
      setPlan({ verb: "replay", target: { ids: [task.id] }, what: task.id, task, onDone: nothing }),
    discard: (target, what, onDone = nothing) =>
      setPlan({ verb: "discard", target, what, task: null, onDone }),
    dialog:
      plan === null ? null : plan.verb === "replay" ? (
        <ReplayDialog
          queue={queue}
          target={plan.target}
          what={plan.what}
          task={plan.task}
          onReplay={async (options) => {
            await replay(plan.target, options);
            plan.onDone();
          }}
          onClose={close}
        />
      ) : (
        <DiscardDialog
          queue={queue}
          target={plan.target}
          what={plan.what}
          onDiscard={async (reason) => {
            await discard(plan.target, reason);
            plan.onDone();
          }}
          onClose={close}
        />
      ),
  };
}
