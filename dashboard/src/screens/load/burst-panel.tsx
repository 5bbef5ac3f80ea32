import type { QueueStats } from "@holdfast/contracts";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { runBurst } from "../../api/operations.ts";
import { count, plural, rate } from "../../format/number.ts";
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
    <section className="panel" aria-label="Run the burst">
      <div className="panel-head">
        <h2>Run the burst</h2>
        {queue === null || stats === undefined ? null : (
          <Link className="small" to="/queues/$queue" params={{ queue }}>
            Watch {queue} live
          </Link>
        )}
      </div>
      <form className="panel-body form" onSubmit={submit}>
        <p className="soft">
          Enqueues tasks of type <code>demo.flaky</code>, of which a share fails at each attempt. Those that
          run out of retries end in the dead letters, where they can be replayed.
        </p>
        <div className="form-row">
          <TextField
            label="Tasks"
            value={tasks}
            onChange={setTasks}
            error={errors.tasks}
            inputMode="numeric"
          />
          <TextField
            label="Failing, percent"
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
            Run the burst
          </Button>
        </div>
        {stats === undefined ? null : (
          <Tiles label={`Counts of ${stats.queue}`}>
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
          title={`Send ${plural(Number(tasks), "demo task")} into ${queue}`}
          action="Run the burst"
          phrase={confirmationPhrase("burst", Number(tasks))}
          onConfirm={async () =>
            trackOperation(await runBurst(queue, Number(tasks), Number(failPercent) / 100))
          }
          onClose={() => setAsking(false)}
        >
          <p>{burstNote(stats)}</p>
          <p>
            {failPercent}&nbsp;% of the attempts fail on purpose. The burst can be cancelled while it is sent;
            what was sent stays.
          </p>
        </ConfirmDialog>
      ) : null}
    </section>
  );
}

function wholeBetween(text: string, least: number, most: number): string | null {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return null;
  return `A whole number from ${count(least)} to ${count(most)}.`;
}

/** Says how many tasks the queue already has. */
function burstNote(stats: QueueStats | undefined): string {
  if (stats === undefined) return "There is no such queue yet: the burst will create it.";
  const open = stats.pending + stats.processing + stats.scheduled;
  return open === 0
    ? "No task waits in the queue now."
    : `The queue already has ${plural(open, "task")} to run.`;
}
