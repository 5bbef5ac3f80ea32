import { t } from "@lingui/core/macro";
import { Plural } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { workersQuery } from "../../api/workers.ts";
import { useLive } from "../../live/live-context.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { WorkerTable } from "./worker-table.tsx";

const ORDER = { lost: 0, draining: 1, drained: 2, paused: 3, running: 4, stopped: 5 } as const;
const START = "QUEUES=default pnpm run worker";

export function WorkersPage() {
  const { figures, error, paused } = useLive();
  const [open, setOpen] = useState<string | null>(null);
  // The stream does not contain the running tasks of workers, so this page requests them.
  const detail = useQuery({ ...workersQuery(), refetchInterval: paused ? false : 2_000 });
  const tasks = new Map((detail.data ?? []).map((worker) => [worker.id, worker.tasks]));
  const workers = (figures.workers ?? detail.data)?.map((worker) => ({
    ...worker,
    tasks: tasks.get(worker.id) ?? [],
  }));
  if (workers === undefined) {
    const failure = error ?? detail.error;
    return failure === null ? <Loading what={t`workers`} /> : <Failed error={failure} />;
  }
  workers.sort((a, b) => ORDER[a.state] - ORDER[b.state] || a.id.localeCompare(b.id));
  return (
    <>
      <div className="page-head">
        <h1>{t`Workers`}</h1>
        <p className="soft small">
          <Plural
            value={workers.filter(({ state }) => state === "running").length}
            one="# worker running"
            other="# workers running"
          />
        </p>
      </div>
      <section className="panel" aria-label={t`Workers`}>
        {workers.length === 0 ? (
          <NoneYet title={t`No workers yet`}>
            <p>{t`Start one; it shows up here with its first heartbeat:`}</p>
            <pre className="text-block">{START}</pre>
            <CopyButton text={START} label={t`Copy`} />
          </NoneYet>
        ) : (
          <WorkerTable workers={workers} open={open} onOpen={setOpen} />
        )}
      </section>
    </>
  );
}
