import type { AlertState } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { BellOff, BellRing, CircleCheck, Hourglass, type LucideIcon } from "lucide-react";
import { useState } from "react";
import { type AlertRuleView, alertsKey, deleteRule, muteRule, unmuteRule } from "../../api/alerts.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { MuteDialog } from "../../ui/mute-dialog.tsx";
import { Badge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { conditionText, valueText } from "./condition-text.ts";
import { useAlertAdmin } from "./use-alert-admin.ts";

const STATE_LOOK: Record<AlertState, { icon: LucideIcon; tone: string; text: () => string }> = {
  ok: { icon: CircleCheck, tone: "completed", text: () => t`OK` },
  pending: { icon: Hourglass, tone: "warn", text: () => t`Pending` },
  firing: { icon: BellRing, tone: "dead", text: () => t`Firing` },
};

/** How many queues of a rule a row names at most. */
const SHOWN_QUEUES = 5;

export function RuleRow({ rule, onEdit }: { rule: AlertRuleView; onEdit(): void }) {
  const { name, queues, when, targets, alerts } = rule;
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide" role="cell">
        <strong className="wrap">{name}</strong>
        <div className="hint wrap">{conditionText(when)}</div>
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Queues`}</span>
        <code className="wrap">{queues}</code>
      </div>
      <div className="cell cell-wide" role="cell">
        <span className="label">{t`State`}</span>
        <RuleState rule={rule} />
        {alerts.slice(0, SHOWN_QUEUES).map(({ queue, state, value }) => (
          <div className="hint clip" key={queue}>
            <Link to="/queues/$queue" params={{ queue }}>
              {queue}
            </Link>{" "}
            {valueText(when.kind, value)}
            {state === "pending" && rule.state === "firing" ? t`, pending` : ""}
          </div>
        ))}
        {alerts.length > SHOWN_QUEUES ? (
          <div className="hint">
            <Plural value={alerts.length - SHOWN_QUEUES} one="and # more queue" other="and # more queues" />
          </div>
        ) : null}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Targets`}</span>
        {targets.length === 0 ? <span className="zero">{t`none`}</span> : targets.join(", ")}
      </div>
      <div className="cell cell-wide actions" role="cell">
        <RuleActions rule={rule} onEdit={onEdit} />
      </div>
    </div>
  );
}

function RuleState({ rule: { state, since, mute } }: { rule: AlertRuleView }) {
  const { icon, tone, text } = STATE_LOOK[state];
  return (
    <>
      <div className="state-cell">
        <Badge icon={icon} tone={tone}>
          {text()}
        </Badge>
        {mute === null ? null : (
          <Badge icon={BellOff} tone="quiet">
            {t`Muted`}
          </Badge>
        )}
        {since === null ? null : (
          <span className="hint">
            <Trans>
              since <Time at={since} />
            </Trans>
          </span>
        )}
      </div>
      {mute === null ? null : (
        <div className="hint">
          {mute.until === null ? (
            t`Muted by ${mute.by}`
          ) : (
            <Trans>
              Muted by {mute.by} until <Time at={mute.until} />
            </Trans>
          )}
          {mute.reason === null ? null : (
            <>
              {": "}
              <ForeignText text={mute.reason} />
            </>
          )}
        </div>
      )}
    </>
  );
}

function RuleActions({ rule: { name, queues, mute }, onEdit }: { rule: AlertRuleView; onEdit(): void }) {
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const { denied } = useSession();
  const [open, setOpen] = useState<"mute" | "delete" | null>(null);
  const mayMute = denied("control", queues.includes("*") ? undefined : queues);
  const mayChange = useAlertAdmin();
  const refresh = () => client.invalidateQueries({ queryKey: alertsKey });
  const unmute = () =>
    void unmuteRule(name).then(
      () => {
        say(() => t`${name} is no longer muted`);
        return refresh();
      },
      (error: unknown) => fail(() => t`The mute was not ended`, error),
    );
  return (
    <>
      {mute === null ? (
        <Button small denied={mayMute} aria-label={t`Mute ${name}`} onPress={() => setOpen("mute")}>
          {t`Mute`}
        </Button>
      ) : (
        <Button small denied={mayMute} aria-label={t`Unmute ${name}`} onPress={unmute}>
          {t`Unmute`}
        </Button>
      )}
      <Button small denied={mayChange} aria-label={t`Edit ${name}`} onPress={onEdit}>
        {t`Edit`}
      </Button>
      <Button small denied={mayChange} aria-label={t`Delete ${name}`} onPress={() => setOpen("delete")}>
        {t`Delete`}
      </Button>
      {open === "mute" ? (
        <MuteDialog
          title={t`Mute ${name}`}
          save={(mute) => muteRule(name, mute)}
          onSaved={refresh}
          onClose={() => setOpen(null)}
        >
          {t`While the rule is muted, it does not report alerts that fire. When the mute ends, it reports those that began during the mute and still fire.`}
        </MuteDialog>
      ) : null}
      {open === "delete" ? (
        <ConfirmDialog
          title={t`Delete the alert rule ${name}`}
          action={t`Delete`}
          danger
          phrase={name}
          onConfirm={async () => {
            await deleteRule(name);
            say(() => t`${name} deleted`);
            await refresh();
          }}
          onClose={() => setOpen(null)}
        >
          {t`This cannot be undone. If an alert of this rule fires now, a message says that it has ended.`}
        </ConfirmDialog>
      ) : null}
    </>
  );
}
