import { useState } from "react";
import { type BulkAnswer, discardDeadLetters, replayDeadLetters } from "../../api/dead-letters.ts";
import type { ErrorView } from "../../api/error-list.ts";
import { count, plural } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { ReasonField } from "../../ui/reason-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { confirmationPhrase } from "../confirmation.ts";

/** An error that actions can name. A masked error has no signature. */
export type NamedError = ErrorView & { signature: string };
export type MoveVerb = "replay" | "discard";

interface MoveDialogProps {
  verb: MoveVerb;
  errors: readonly NamedError[];
  onDone(): Promise<void>;
  onClose(): void;
}

const TEXT = {
  replay: {
    action: "Replay",
    done: "replayed",
    effect: "Each goes back to its own queue. Attempts start at zero; the history stays.",
  },
  discard: {
    action: "Discard",
    done: "discarded",
    effect:
      "They are removed with payload and history. The screen Operations can restore them for ten minutes.",
  },
} as const;

export const deadOf = (errors: readonly ErrorView[]): number =>
  errors.reduce((sum, { dead }) => sum + dead, 0);

export function queuesOf(errors: readonly ErrorView[]): string {
  const queues = new Set(errors.map(({ queue }) => queue));
  return queues.size === 1 ? `in ${[...queues][0]}` : `in ${queues.size} queues`;
}

/** Replays or discards the dead letters of several errors: one request per error, since each has its own filter. */
export function MoveDialog({ verb, errors, onDone, onClose }: MoveDialogProps) {
  const { trackOperation } = useLive();
  const { say, warn } = useToasts();
  const [reason, setReason] = useState("");
  const dead = deadOf(errors);
  const { action, done: doneText, effect } = TEXT[verb];

  const confirm = async () => {
    const given = reason.trim() === "" ? undefined : reason.trim();
    let done = 0;
    let skipped = 0;
    for (const error of errors) {
      if (error.dead === 0) continue;
      const answer = await move(verb, error, given);
      if ("operation" in answer) trackOperation(answer.operation);
      else {
        done += answer.done;
        skipped += answer.skipped;
      }
    }
    const left =
      skipped === 0
        ? undefined
        : `${count(skipped)} were no longer dead, or other tasks hold their unique keys.`;
    if (done > 0) say(`${plural(done, "dead letter")} ${doneText}`, left);
    else if (left !== undefined) warn(`Nothing was ${doneText}`, left);
    await onDone();
  };
  return (
    <ConfirmDialog
      title={`${action} ${plural(dead, "dead letter")}`}
      action={action}
      danger={verb === "discard"}
      phrase={confirmationPhrase(verb, dead)}
      onConfirm={confirm}
      onClose={onClose}
      fields={<ReasonField value={reason} onChange={setReason} />}
    >
      <p>
        {plural(dead, "dead letter")} of {plural(errors.length, "error")} {queuesOf(errors)}. {effect}
      </p>
    </ConfirmDialog>
  );
}

const move = (
  verb: MoveVerb,
  { queue, signature }: NamedError,
  reason: string | undefined,
): Promise<BulkAnswer> =>
  verb === "replay"
    ? replayDeadLetters(queue, { filter: { signature } }, { reason })
    : discardDeadLetters(queue, { filter: { signature } }, reason);
