import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { type ScheduleView, schedulesQuery } from "../../api/schedules.ts";
import { useLive } from "../../live/live-context.tsx";
import { useSession } from "../../session/session-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { PageSearch } from "../../ui/page-search.tsx";
import { ScheduleDialog } from "./schedule-dialog.tsx";
import { ScheduleRow } from "./schedule-row.tsx";

const route = getRouteApi("/schedules");

export function SchedulesPage() {
  return (
    <KnownSearch>
      <Schedules />
    </KnownSearch>
  );
}

function Schedules() {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const { paused } = useLive();
  const { denied } = useSession();
  const [editing, setEditing] = useState<ScheduleView | "new" | null>(null);
  const query = useQuery({ ...schedulesQuery(), refetchInterval: paused ? false : 5_000 });
  const schedules = query.data;
  const words = q.toLowerCase();
  const found = (schedules ?? []).filter((schedule) =>
    `${schedule.id} ${schedule.queue} ${schedule.type}`.toLowerCase().includes(words),
  );
  const add = (
    <Button look="primary" denied={denied("control")} onPress={() => setEditing("new")}>
      <Plus size={15} aria-hidden="true" />
      {t`New schedule`}
    </Button>
  );
  return (
    <>
      <div className="page-head">
        <h1>{t`Schedules`}</h1>
        <p className="soft small">
          {schedules === undefined
            ? ""
            : plural(schedules.length, { one: "# schedule", other: "# schedules" })}
        </p>
        <div className="actions">
          {schedules !== undefined && schedules.length > 0 ? (
            <PageSearch
              label={t`Find a schedule`}
              placeholder={t`Id, queue or type`}
              value={q}
              onChange={(text) => void navigate({ search: text === "" ? {} : { q: text }, replace: true })}
            />
          ) : null}
          {add}
        </div>
      </div>
      <section className="panel" aria-label={t`Schedules`}>
        {schedules === undefined ? (
          query.isError ? (
            <Failed error={query.error} onRetry={() => void query.refetch()} />
          ) : (
            <Loading what={t`schedules`} />
          )
        ) : schedules.length === 0 ? (
          <NoneYet title={t`No schedules yet`}>
            <p>
              <Trans>
                A schedule enqueues a task at each time of a cron expression, once, in a time zone of your
                choice.
              </Trans>
            </p>
            {add}
          </NoneYet>
        ) : found.length === 0 ? (
          <NoneMatch what={t`schedules`} onClear={() => void navigate({ search: {} })} />
        ) : (
          <div className="grid-table schedules" role="table" aria-label={t`Schedules`}>
            <GridHead columns={[t`Schedule`, t`When`, t`Next runs`, t`Last run`]} />
            <div role="rowgroup" className="grid-body">
              {found.map((schedule) => (
                <ScheduleRow key={schedule.id} schedule={schedule} onEdit={() => setEditing(schedule)} />
              ))}
            </div>
          </div>
        )}
      </section>
      {editing === null ? null : (
        <ScheduleDialog schedule={editing === "new" ? null : editing} onClose={() => setEditing(null)} />
      )}
    </>
  );
}
