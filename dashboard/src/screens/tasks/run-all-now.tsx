import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { queueKey } from "../../api/queues.ts";
import { runScheduledNow } from "../../api/tasks.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { confirmationPhrase } from "../confirmation.ts";

interface RunAllNowProps {
  queue: string;
  /** The query of the list; empty for all scheduled tasks. */
  query: string;
  /** How many tasks of the queue are scheduled. */
  scheduled: number;
}

/** Makes all scheduled tasks pending, or those that match the filter of the list. */
export function RunAllNow({ queue, query, scheduled }: RunAllNowProps) {
  const client = useQueryClient();
  const { trackOperation } = useLive();
  const { say, warn } = useToasts();
  const { denied } = useSession();
  const [asking, setAsking] = useState(false);
  const run = async () => {
    const answer = await runScheduledNow(queue, query);
    if ("operation" in answer) trackOperation(answer.operation);
    else if (answer.done === 0)
      warn(
        () => t`Nothing was changed`,
        () => t`No scheduled task matches any more.`,
      );
    else
      say(
        () => plural(answer.done, { one: "# task made pending", other: "# tasks made pending" }),
        () => (answer.skipped === 0 ? undefined : t`${count(answer.skipped)} were left as they are.`),
      );
    await client.invalidateQueries({ queryKey: queueKey(queue) });
  };
  const filtered = query !== "";
  const text = filtered ? t`Run all matching now` : t`Run all scheduled now`;
  return (
    <>
      <Button
        small
        denied={denied("control", queue)}
        isDisabled={scheduled === 0}
        onPress={() => setAsking(true)}
      >
        {text}
      </Button>
      {asking ? (
        <ConfirmDialog
          title={text}
          action={t`Run now`}
          phrase={filtered ? null : confirmationPhrase("run", scheduled)}
          onConfirm={run}
          onClose={() => setAsking(false)}
        >
          <Trans>
            {filtered
              ? t`Every scheduled task that matches the query becomes pending, including those that wait for a retry.`
              : t`All ${plural(scheduled, { one: "# scheduled task", other: "# scheduled tasks" })} of ${queue} become pending, including those that wait for a retry.`}{" "}
            Tasks that are scheduled from now on keep their times.
          </Trans>
        </ConfirmDialog>
      ) : null}
    </>
  );
}
