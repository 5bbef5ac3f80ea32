import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { runBurst } from "../../api/operations.ts";
import { count, rate } from "../../format/number.ts";
import { ratesOf } from "../../live/history.ts";
import { useLive } from "../../live/live-context.tsx";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { Tile, Tiles } from "../tiles.tsx";

const MOST_TASKS = 10_000;

export function BurstPanel({ queue }: { queue: string | null }) {
  const { figures, trackOperation } = useLive();
  const { fail } = useToasts();
  const [tasks, setTasks] = useState("10000");
  const [failPercent, setFailPercent] = useState("20");
  const { denied } = useSession();
  const [busy, setBusy] = useState(false);
  const stats = figures.queues?.find((candidate) => candidate.queue === queue);
  const rates = ratesOf((queue === null ? undefined : figures.history[queue]) ?? []);
  const errors = {
    tasks: wholeBetween(tasks, 1, MOST_TASKS),
    failPercent: wholeBetween(failPercent, 0, 100),
  };
  const refused = queue === null || errors.tasks !== null || errors.failPercent !== null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (refused || queue === null) return;
    setBusy(true);
    try {
      trackOperation(await runBurst(queue, Number(tasks), Number(failPercent) / 100));
    } catch (error) {
      fail("The burst did not start", error);
    } finally {
      setBusy(false);
    }
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
      <form className="panel-body form" onSubmit={(event) => void submit(event)}>
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
            denied={denied("control", queue ?? undefined)}
            isDisabled={busy || refused}
          >
            Run the burst
          </Button>
        </div>
        {stats === undefined ? null : (
          <Tiles label={`Counts of ${stats.queue}`}>
            <Tile state="pending" value={count(stats.pending)} />
            <Tile state="processing" value={count(stats.processing)} />
            <Tile state="scheduled" value={count(stats.scheduled)} />
            <Tile state="completed" value={count(stats.totals.acked)} sub={`${rate(rates.completed)}/s`} />
            <Tile state="dead" value={count(stats.dead)} alarm={stats.dead > 0} />
          </Tiles>
        )}
      </form>
    </section>
  );
}

function wholeBetween(text: string, least: number, most: number): string | null {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return null;
  return `A whole number from ${count(least)} to ${count(most)}.`;
}
