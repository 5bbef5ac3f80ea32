import { plural, t } from "@lingui/core/macro";
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { type AlertRuleView, alertsQuery } from "../../api/alerts.ts";
import { useLive } from "../../live/live-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { NotificationsPanel } from "./notifications-panel.tsx";
import { RuleDialog } from "./rule-dialog.tsx";
import { RuleRow } from "./rule-row.tsx";
import { TargetsPanel } from "./targets-panel.tsx";
import { useAlertAdmin } from "./use-alert-admin.ts";

export function AlertsPage() {
  return (
    <KnownSearch>
      <Alerts />
    </KnownSearch>
  );
}

/** The order of rules by state: those that fire come first, then the pending ones. */
const RANK = { firing: 0, pending: 1, ok: 2 } as const;

function countsOf(rules: number, firing: number): string {
  const all = plural(rules, { one: "# rule", other: "# rules" });
  return firing === 0 ? t`${all}, none fires` : t`${all}, ${firing} firing`;
}

function Alerts() {
  const { paused } = useLive();
  const [editing, setEditing] = useState<AlertRuleView | "new" | null>(null);
  const why = useAlertAdmin();
  const query = useQuery({ ...alertsQuery(), refetchInterval: paused ? false : 2_000 });
  const { rules, targets } = query.data ?? {};
  const sorted = [...(rules ?? [])].sort(
    (a, b) => RANK[a.state] - RANK[b.state] || a.name.localeCompare(b.name),
  );
  const firing = sorted.filter(({ state }) => state === "firing").length;
  const add = (
    <Button look="primary" denied={why} onPress={() => setEditing("new")}>
      <Plus size={15} aria-hidden="true" />
      {t`New rule`}
    </Button>
  );
  return (
    <>
      <div className="page-head">
        <h1>{t`Alerts`}</h1>
        <p className="soft small">{rules === undefined ? "" : countsOf(rules.length, firing)}</p>
        <div className="actions">{add}</div>
      </div>
      <section className="panel" aria-label={t`Rules`}>
        {rules === undefined ? (
          query.isError ? (
            <Failed error={query.error} onRetry={() => void query.refetch()} />
          ) : (
            <Loading what={t`alert rules`} />
          )
        ) : rules.length === 0 ? (
          <NoneYet title={t`No alert rules yet`}>
            <p>
              {t`A rule watches one queue or all of them: dead letters, the age of waiting tasks, missing workers or failures. Its messages go to the targets below.`}
            </p>
            {add}
          </NoneYet>
        ) : (
          <div className="grid-table alert-rules" role="table" aria-label={t`Rules`}>
            <GridHead columns={[t`Rule`, t`Queues`, t`State`, t`Targets`]} />
            <div role="rowgroup" className="grid-body">
              {sorted.map((rule) => (
                <RuleRow key={rule.name} rule={rule} onEdit={() => setEditing(rule)} />
              ))}
            </div>
          </div>
        )}
      </section>
      {targets === undefined ? null : <TargetsPanel targets={targets} />}
      <NotificationsPanel />
      {editing === null ? null : (
        <RuleDialog
          rule={editing === "new" ? null : editing}
          targets={(targets ?? []).map(({ name }) => name)}
          onClose={() => setEditing(null)}
        />
      )}
    </>
  );
}
