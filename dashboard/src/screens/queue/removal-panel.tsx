import type { QueueStats } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Eraser, Trash2 } from "lucide-react";
import { useState } from "react";
import { deleteQueue, type EmptiedState, emptyQueue, pauseQueue, queueKey } from "../../api/queues.ts";
import { schedulesQuery } from "../../api/schedules.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { LabelledCheckbox } from "../../ui/checkbox.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { ReasonField } from "../../ui/reason-field.tsx";
import { STATE_LOOK } from "../../ui/status.tsx";
import { useToasts } from "../../ui/toast.tsx";

const EMPTIED: readonly EmptiedState[] = [
  "pending",
  "scheduled",
  "dead",
  "completed",
  "cancelled",
  "expired",
];

/** Shows the actions on a queue that cannot be undone. */
export function RemovalPanel({ stats }: { stats: QueueStats }) {
  const { denied } = useSession();
  const [asking, setAsking] = useState<"empty" | "delete" | null>(null);
  const why = denied("admin", stats.queue);
  const close = () => setAsking(null);
  return (
    <section className="panel" aria-label={t`Empty or delete`}>
      <div className="panel-head">
        <h2>{t`Empty or delete`}</h2>
        <div className="actions">
          <Button small look="danger" denied={why} onPress={() => setAsking("empty")}>
            <Eraser size={13} aria-hidden="true" />
            {t`Empty queue`}
          </Button>
          <Button small look="danger" denied={why} onPress={() => setAsking("delete")}>
            <Trash2 size={13} aria-hidden="true" />
            {t`Delete queue`}
          </Button>
        </div>
      </div>
      {asking === "empty" ? <EmptyDialog stats={stats} onClose={close} /> : null}
      {asking === "delete" ? <DeleteDialog stats={stats} onClose={close} /> : null}
    </section>
  );
}

interface RemovalDialogProps {
  stats: QueueStats;
  onClose(): void;
}

function EmptyDialog({ stats, onClose }: RemovalDialogProps) {
  const { queue } = stats;
  const client = useQueryClient();
  const { trackOperation } = useLive();
  const { say, warn } = useToasts();
  const [states, setStates] = useState<readonly EmptiedState[]>([]);
  const [reason, setReason] = useState("");
  const size = states.reduce((sum, state) => sum + stats[state], 0);
  return (
    <ConfirmDialog
      title={t`Empty ${queue}`}
      action={t`Remove ${plural(size, { one: "# task", other: "# tasks" })}`}
      danger
      blocked={states.length === 0}
      phrase={queue}
      onConfirm={async () => {
        const answer = await emptyQueue(queue, [...states], reason.trim() || undefined);
        if ("operation" in answer) trackOperation(answer.operation);
        else if (answer.removed === 0)
          warn(
            () => t`Nothing was removed`,
            () => t`There were no more tasks in these states.`,
          );
        else
          say(
            () => plural(answer.removed, { one: "# task removed", other: "# tasks removed" }),
            () => t`From ${queue}.`,
          );
        await client.invalidateQueries({ queryKey: queueKey(queue) });
      }}
      onClose={onClose}
      fields={
        <>
          <fieldset className="field states-choice">
            <legend>{t`Tasks that are`}</legend>
            {EMPTIED.map((state) => (
              <LabelledCheckbox
                key={state}
                isSelected={states.includes(state)}
                onChange={(chosen) =>
                  setStates(EMPTIED.filter((each) => (each === state ? chosen : states.includes(each))))
                }
              >
                {STATE_LOOK[state].text()} <span className="hint">{count(stats[state])}</span>
              </LabelledCheckbox>
            ))}
          </fieldset>
          <ReasonField value={reason} onChange={setReason} />
        </>
      }
    >
      <Trans>
        The tasks are removed with payload and history, which cannot be undone. Running tasks stay. Dead
        letters that you may want to restore can be discarded instead.
      </Trans>
    </ConfirmDialog>
  );
}

function DeleteDialog({ stats, onClose }: RemovalDialogProps) {
  const { queue } = stats;
  const client = useQueryClient();
  const navigate = useNavigate();
  const { say } = useToasts();
  const [reason, setReason] = useState("");
  const schedules = useQuery(schedulesQuery());
  const into = (schedules.data ?? []).filter((schedule) => schedule.queue === queue);
  const size = EMPTIED.reduce((sum, state) => sum + stats[state], 0);
  return (
    <ConfirmDialog
      title={t`Delete ${queue}`}
      action={t`Delete queue`}
      danger
      phrase={queue}
      onConfirm={async () => {
        // A queue with running tasks cannot be deleted. So it is paused first, which stops more tasks from starting.
        if (!stats.paused) await pauseQueue(queue, "it is being deleted");
        const { removed } = await deleteQueue(queue, reason.trim() || undefined);
        say(
          () => t`${queue} is deleted`,
          () => plural(removed, { one: "# task removed.", other: "# tasks removed." }),
        );
        await navigate({ to: "/" });
        client.removeQueries({ queryKey: queueKey(queue) });
      }}
      onClose={onClose}
      fields={<ReasonField value={reason} onChange={setReason} />}
    >
      <p>
        <Trans>
          The queue and <Plural value={size} one="# task" other="# tasks" /> in it are removed with its
          settings and its past. This cannot be undone.
          {stats.paused ? "" : t` The queue is paused first, and stays paused if the deletion fails.`}
          {stats.processing === 0
            ? ""
            : t` The queue cannot be deleted while tasks run: ${count(stats.processing)} now.`}
        </Trans>
      </p>
      {into.length === 0 ? null : (
        <p className="warn-text">
          <Trans>
            <Plural
              value={into.length}
              one="A schedule enqueues into it, and will create it again:"
              other="# schedules enqueue into it, and will create it again:"
            />{" "}
            {into.map(({ id }) => id).join(", ")}.
          </Trans>
        </p>
      )}
      <p>
        <Trans>A producer that still uses the name creates it again with its next task.</Trans>
      </p>
    </ConfirmDialog>
  );
}
