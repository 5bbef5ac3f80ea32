import { plural, t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useState } from "react";
import { type BulkAnswer, discardDeadLetters, replayDeadLetters } from "../../api/dead-letters.ts";
import type { ErrorView } from "../../api/error-list.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { ReasonField } from "../../ui/reason-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { confirmationPhrase } from "../confirmation.ts";

/** An error that can be replayed or discarded. A masked error cannot, because it has no signature. */
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
    action: () => t`Replay`,
    title: (dead: number) => plural(dead, { one: "Replay # dead letter", other: "Replay # dead letters" }),
    done: (dead: number) => plural(dead, { one: "# dead letter replayed", other: "# dead letters replayed" }),
    none: () => t`Nothing was replayed`,
    effect: () => t`Each goes back to its own queue. Attempts start at zero; the history stays.`,
  },
  discard: {
    action: () => t`Discard`,
    title: (dead: number) => plural(dead, { one: "Discard # dead letter", other: "Discard # dead letters" }),
    done: (dead: number) =>
      plural(dead, { one: "# dead letter discarded", other: "# dead letters discarded" }),
    none: () => t`Nothing was discarded`,
    effect: () =>
      t`They are removed with payload and history. For ten minutes they can be restored on the screen Operations.`,
  },
} as const;

export const deadOf = (errors: readonly ErrorView[]): number =>
  errors.reduce((sum, { dead }) => sum + dead, 0);

export function queuesOf(errors: readonly ErrorView[]): string {
  const queues = new Set(errors.map(({ queue }) => queue));
  return queues.size === 1 ? t`in ${[...queues].join("")}` : t`in ${queues.size} queues`;
}

/** Replays or discards the dead letters of several errors: one request per error, since each has its own filter. */
export function MoveDialog({ verb, errors, onDone, onClose }: MoveDialogProps) {
  const { trackOperation } = useLive();
  const { say, warn } = useToasts();
  const [reason, setReason] = useState("");
  const dead = deadOf(errors);
  const { action, title, done: doneText, none, effect } = TEXT[verb];

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
    const left = () =>
      skipped === 0
        ? undefined
        : t`${count(skipped)} were no longer dead, or other tasks hold their unique keys.`;
    if (done > 0) say(() => doneText(done), left);
    else if (skipped > 0) warn(none, left);
    await onDone();
  };
  return (
    <ConfirmDialog
      title={title(dead)}
      action={action()}
      danger={verb === "discard"}
      phrase={confirmationPhrase(verb, dead)}
      onConfirm={confirm}
      onClose={onClose}
      fields={<ReasonField value={reason} onChange={setReason} />}
    >
      <p>
        <Trans>
          <Plural value={dead} one="# dead letter" other="# dead letters" /> of{" "}
          <Plural value={errors.length} one="# error" other="# errors" /> {queuesOf(errors)}. {effect()}
        </Trans>
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
    ? replayDeadLetters(queue, { query: `signature==${signature}` }, { reason })
    : discardDeadLetters(queue, { query: `signature==${signature}` }, reason);
