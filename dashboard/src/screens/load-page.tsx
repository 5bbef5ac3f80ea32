import { isQueueName } from "@holdfast/contracts";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useLive } from "../live/live-context.tsx";
import { TextField } from "../ui/text-field.tsx";
import { BurstPanel } from "./load/burst-panel.tsx";
import { InjectPanel } from "./load/inject-panel.tsx";
import { LiveCharts } from "./queue/live-charts.tsx";

const route = getRouteApi("/load");

export function LoadPage() {
  const { queue = "default" } = route.useSearch();
  const navigate = route.useNavigate();
  const { figures } = useLive();
  const [draft, setDraft] = useState(queue);
  useEffect(() => setDraft(queue), [queue]);
  const valid = isQueueName(draft);
  const known = figures.queues?.some((stats) => stats.queue === draft) ?? false;
  const choose = (next: string) => {
    setDraft(next);
    if (isQueueName(next))
      void navigate({ search: next === "default" ? {} : { queue: next }, replace: true });
  };
  return (
    <>
      <div className="page-head">
        <h1>Load</h1>
      </div>
      <div style={{ maxWidth: "22rem" }}>
        <TextField
          label="Queue"
          value={draft}
          onChange={choose}
          mono
          list="known-queues"
          error={valid ? null : "Letters, digits, - _ and . after the first; at most 64 characters."}
        />
        <datalist id="known-queues">
          {(figures.queues ?? []).map((stats) => (
            <option key={stats.queue} value={stats.queue} />
          ))}
        </datalist>
      </div>
      <div className="columns">
        <InjectPanel queue={valid ? draft : null} />
        <BurstPanel queue={valid ? draft : null} />
      </div>
      {known ? <LiveCharts queue={draft} spanMs={60_000} /> : null}
    </>
  );
}
