import { isAlertName } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  type AlertTargetBody,
  type AlertTargetKind,
  type AlertTargetView,
  alertsKey,
  putTarget,
} from "../../api/alerts.ts";
import { Button } from "../../ui/button.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { nameError as nameProblem } from "./rule-draft.ts";

/** Makes a signing secret in the format of Standard Webhooks: 32 random bytes. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

const wordsOf = (text: string) => text.split(/\s+/).filter(Boolean);

interface TargetDialogProps {
  /** The target to change; null for a new target. */
  target: AlertTargetView | null;
  onClose(): void;
}

export function TargetDialog({ target, onClose }: TargetDialogProps) {
  const client = useQueryClient();
  const { say } = useToasts();
  const [name, setName] = useState(target?.name ?? "");
  const [kind, setKind] = useState<AlertTargetKind>(target?.kind ?? "slack");
  const [url, setUrl] = useState("");
  const [secrets, setSecrets] = useState("");
  // The service never shows the URL and the secrets of a target. If a field is left empty, the stored value stays.
  const isKept = target !== null && target.kind === kind;
  const nameError = isAlertName(name) ? null : nameProblem();
  const urlError =
    (url.trim() === "" && isKept) || URL.canParse(url.trim()) ? null : t`A complete URL: https://…`;
  const given = wordsOf(secrets);
  const secretsError =
    kind === "slack" || (given.length === 0 && isKept) || (given.length >= 1 && given.length <= 2)
      ? null
      : t`Enter one secret, or the new one and the old one.`;
  const body: AlertTargetBody = {
    kind,
    ...(url.trim() === "" ? {} : { url: url.trim() }),
    ...(kind === "slack" || given.length === 0 ? {} : { secrets: given }),
  };
  return (
    <FormDialog
      title={target === null ? t`New alert target` : t`Edit ${target.name}`}
      refused={[nameError, urlError, secretsError].some((error) => error !== null)}
      saveText={target === null ? t`Create target` : t`Save`}
      save={() => putTarget(name, body)}
      onSaved={async () => {
        say(() => (target === null ? t`${name} created` : t`${name} changed`));
        await client.invalidateQueries({ queryKey: alertsKey });
      }}
      onClose={onClose}
    >
      {target === null ? (
        <TextField
          label={t`Name`}
          value={name}
          onChange={setName}
          error={name === "" ? null : nameError}
          mono
          autoFocus
        />
      ) : null}
      <div className="field">
        <span>{t`Kind`}</span>
        <Segments<AlertTargetKind>
          label={t`Kind`}
          value={kind}
          onChange={setKind}
          options={[
            { value: "slack", text: t`Slack` },
            { value: "webhook", text: t`Webhook` },
          ]}
        />
      </div>
      <TextField
        label={t`URL`}
        hint={
          isKept
            ? t`Leave empty to keep the present URL, which is never shown.`
            : t`Begins with https://. It will not be shown again.`
        }
        value={url}
        onChange={setUrl}
        error={url === "" ? null : urlError}
        mono
      />
      {kind === "slack" ? null : (
        <>
          <TextField
            label={t`Secret`}
            hint={
              isKept
                ? t`Leave empty to keep the present secret. To replace it without a gap, enter the new one, a space and the old one.`
                : t`The messages are signed with it. Copy it for the receiver now: it will not be shown again.`
            }
            value={secrets}
            onChange={setSecrets}
            error={secrets === "" ? null : secretsError}
            mono
          />
          <div>
            <Button small onPress={() => setSecrets([newSecret(), ...given].slice(0, 2).join(" "))}>
              {t`Generate a secret`}
            </Button>
          </div>
        </>
      )}
    </FormDialog>
  );
}
