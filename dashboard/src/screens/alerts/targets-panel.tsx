import { t } from "@lingui/core/macro";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import {
  type AlertNotification,
  type AlertTargetView,
  alertsKey,
  deleteTarget,
  testTarget,
} from "../../api/alerts.ts";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { NoneYet } from "../../ui/empty.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { Time } from "../../ui/time.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { OutcomeBadge } from "./outcome-badge.tsx";
import { TargetDialog } from "./target-dialog.tsx";
import { useAlertAdmin } from "./use-alert-admin.ts";

const KIND_TEXT = { webhook: () => t`Webhook`, slack: () => t`Slack` } as const;

/** Lists the targets, with a button that sends a test message to each. */
export function TargetsPanel({ targets }: { targets: readonly AlertTargetView[] }) {
  const [editing, setEditing] = useState<AlertTargetView | "new" | null>(null);
  const why = useAlertAdmin();
  return (
    <section className="panel" aria-label={t`Targets`}>
      <div className="panel-head">
        <h2>{t`Targets`}</h2>
        <div className="actions">
          <Button denied={why} onPress={() => setEditing("new")}>
            <Plus size={15} aria-hidden="true" />
            {t`New target`}
          </Button>
        </div>
      </div>
      {targets.length === 0 ? (
        <NoneYet title={t`No targets yet`}>
          <p>{t`A target is a webhook or a Slack channel that receives the messages.`}</p>
        </NoneYet>
      ) : (
        <div className="grid-table alert-targets" role="table" aria-label={t`Targets`}>
          <GridHead columns={[t`Target`, t`Kind`, t`Host`, t`Changed`, t`Last test`]} />
          <div role="rowgroup" className="grid-body">
            {targets.map((target) => (
              <TargetRow key={target.name} target={target} onEdit={() => setEditing(target)} />
            ))}
          </div>
        </div>
      )}
      {editing === null ? null : (
        <TargetDialog target={editing === "new" ? null : editing} onClose={() => setEditing(null)} />
      )}
    </section>
  );
}

function TargetRow({ target, onEdit }: { target: AlertTargetView; onEdit(): void }) {
  const { name, kind, host, updatedAt } = target;
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const [deleting, setDeleting] = useState(false);
  const why = useAlertAdmin();
  const refresh = () => client.invalidateQueries({ queryKey: alertsKey });
  const test = useMutation({
    mutationFn: () => testTarget(name),
    onSuccess: refresh,
    onError: (error) => fail(() => t`The test was not sent`, error),
  });
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide" role="cell">
        <strong className="wrap">{name}</strong>
      </div>
      <div className="cell" role="cell">
        <span className="label">{t`Kind`}</span>
        {KIND_TEXT[kind]()}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Host`}</span>
        <code className="wrap">{host}</code>
      </div>
      <div className="cell" role="cell">
        <span className="label">{t`Changed`}</span>
        <Time at={updatedAt} />
      </div>
      <div className="cell cell-wide" role="cell" aria-live="polite">
        <span className="label">{t`Last test`}</span>
        <TestResult result={test.data} isPending={test.isPending} />
      </div>
      <div className="cell cell-wide actions" role="cell">
        <Button
          small
          denied={why}
          isDisabled={test.isPending}
          aria-label={t`Test ${name}`}
          onPress={() => test.mutate()}
        >
          {t`Test`}
        </Button>
        <Button small denied={why} aria-label={t`Edit ${name}`} onPress={onEdit}>
          {t`Edit`}
        </Button>
        <Button small denied={why} aria-label={t`Delete ${name}`} onPress={() => setDeleting(true)}>
          {t`Delete`}
        </Button>
      </div>
      {deleting ? (
        <ConfirmDialog
          title={t`Delete the target ${name}`}
          action={t`Delete`}
          danger
          phrase={name}
          onConfirm={async () => {
            await deleteTarget(name);
            say(() => t`${name} deleted`);
            await refresh();
          }}
          onClose={() => setDeleting(false)}
        >
          {t`Its URL and its secrets are removed. Messages that still wait for this target are not sent.`}
        </ConfirmDialog>
      ) : null}
    </div>
  );
}

function TestResult({ result, isPending }: { result: AlertNotification | undefined; isPending: boolean }) {
  if (isPending) return <span className="hint">{t`Waiting for the answer…`}</span>;
  if (result === undefined) return <span className="zero">–</span>;
  return (
    <div className="wrap">
      <OutcomeBadge outcome={result.outcome} />{" "}
      {result.answer === null ? (
        <span className="hint">{t`No process has sent the test yet.`}</span>
      ) : (
        <ForeignText text={result.answer} />
      )}
    </div>
  );
}
