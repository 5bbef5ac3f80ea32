import type { QueueStats } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { runBurst } from "../../api/operations.ts";
import { count, rate } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useQueueStats } from "../../live/use-queue-stats.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { confirmationPhrase } from "../confirmation.ts";
import { Tile, Tiles } from "../tiles.tsx";

const MOST_TASKS = 10_000;

export function BurstPanel({ queue }: { queue: string | null }) {
  const { figures, trackOperation } = useLive();
  const [tasks, setTasks] = useState("10000");
  const [failPercent, setFailPercent] = useState("20");
  const { denied } = useSession();
  const [asking, setAsking] = useState(false);
  const { stats } = useQueueStats(queue ?? "");
  const rates = queue === null ? undefined : figures.rates[queue];
  const errors = {
    tasks: wholeBetween(tasks, 1, MOST_TASKS),
    failPercent: wholeBetween(failPercent, 0, 100),
  };
  const refused = queue === null || errors.tasks !== null || errors.failPercent !== null;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!refused) setAsking(true);
  };

  return (
    <section className="panel" aria-label={t`Run the burst`}>
      <div className="panel-head">
        <h2>{t`Run the burst`}</h2>
        {queue === null || stats === undefined ? null : (
          <Link className="small" to="/queues/$queue" params={{ queue }}>
            <Trans>Watch {queue} live</Trans>
          </Link>
        )}
      </div>
      <form className="panel-body form" onSubmit={submit}>
        <p className="soft">
          <Trans>
            Enqueues tasks of type <code>demo.flaky</code>, of which a share fails at each attempt. Those that
            run out of retries end in the dead letters, where they can be replayed.
          </Trans>
        </p>
        <div className="form-row">
          <TextField
            label={t`Tasks`}
            value={tasks}
            onChange={setTasks}
            error={errors.tasks}
            inputMode="numeric"
          />
          <TextField
            label={t`Failing, percent`}
            value={failPercent}
            onChange={setFailPercent}
            error={errors.failPercent}
            inputMode="numeric"
          />
        </div>
        <div className="actions">
          <Button
            type="submit"
            look="primary"
            denied={denied("enqueue", queue ?? undefined)}
            isDisabled={refused}
          >
            {t`Run the burst`}
          </Button>
        </div>
        {stats === undefined ? null : (
          <Tiles label={t`Counts of ${stats.queue}`}>
            <Tile state="pending" value={count(stats.pending)} />
            <Tile state="processing" value={count(stats.processing)} />
            <Tile state="scheduled" value={count(stats.scheduled)} />
            <Tile
              state="completed"
              value={count(stats.totals.acked)}
              sub={`${rate(rates?.completedPerSecond ?? 0)}/s`}
            />
            <Tile state="dead" value={count(stats.dead)} alarm={stats.dead > 0} />
          </Tiles>
        )}
      </form>
      {asking && queue !== null ? (
        <ConfirmDialog
          title={t`Send ${plural(Number(tasks), { one: "# demo task", other: "# demo tasks" })} into ${queue}`}
          action={t`Run the burst`}
          phrase={confirmationPhrase("burst", Number(tasks))}
          onConfirm={async () =>
            trackOperation(await runBurst(queue, Number(tasks), Number(failPercent) / 100))
          }
          onClose={() => setAsking(false)}
        >
          <p>{burstNote(stats)}</p>
          <p>
            <Trans>
              {failPercent}&nbsp;% of the attempts fail on purpose. The burst can be cancelled while it is
              sent; what was sent stays.
            </Trans>
          </p>
        </ConfirmDialog>
      ) : null}
    </section>
  );
}

function wholeBetween(text: string, least: number, most: number): string | null {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return null;
  return t`A whole number from ${count(least)} to ${count(most)}.`;
}

/** Says how many tasks the queue already has. */
function burstNote(stats: QueueStats | undefined): string {
  if (stats === undefined) return t`There is no such queue yet: the burst will create it.`;
  const open = stats.pending + stats.processing + stats.scheduled;
  return open === 0
    ? t`No task waits in the queue now.`
    : t`The queue already has ${plural(open, { one: "# task", other: "# tasks" })} to run.`;
}
