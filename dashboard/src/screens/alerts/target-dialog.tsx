import { isAlertName } from "@holdfast/contracts";
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
import { NAME_ERROR } from "./rule-draft.ts";

/** Makes a secret of Standard Webhooks: 32 random bytes. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

const wordsOf = (text: string) => text.split(/\s+/).filter(Boolean);

interface TargetDialogProps {
  /** Null for a new target. */
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
  // The service never shows the URL and the secrets. A field that is left empty keeps what is stored.
  const isKept = target !== null && target.kind === kind;
  const nameError = isAlertName(name) ? null : NAME_ERROR;
  const urlError =
    (url.trim() === "" && isKept) || URL.canParse(url.trim()) ? null : "A whole URL: https://…";
  const given = wordsOf(secrets);
  const secretsError =
    kind === "slack" || (given.length === 0 && isKept) || (given.length >= 1 && given.length <= 2)
      ? null
      : "One secret, or two while the first one replaces the second.";
  const body: AlertTargetBody = {
    kind,
    ...(url.trim() === "" ? {} : { url: url.trim() }),
    ...(kind === "slack" || given.length === 0 ? {} : { secrets: given }),
  };
  return (
    <FormDialog
      title={target === null ? "New alert target" : `Edit ${target.name}`}
      refused={[nameError, urlError, secretsError].some((error) => error !== null)}
      saveText={target === null ? "Create target" : "Save"}
      save={() => putTarget(name, body)}
      onSaved={async () => {
        say(target === null ? `${name} created` : `${name} changed`);
        await client.invalidateQueries({ queryKey: alertsKey });
      }}
      onClose={onClose}
    >
      {target === null ? (
        <TextField
          label="Name"
          placeholder="team"
          value={name}
          onChange={setName}
          error={name === "" ? null : nameError}
          mono
          autoFocus
        />
      ) : null}
      <div className="field">
        <span>Kind</span>
        <Segments<AlertTargetKind>
          label="Kind"
          value={kind}
          onChange={setKind}
          options={[
            { value: "slack", text: "Slack" },
            { value: "webhook", text: "Webhook" },
          ]}
        />
      </div>
      <TextField
        label="URL"
        hint={
          isKept
            ? "Empty: it stays as it is. It is never shown again."
            : "Begins with https://. It is never shown again."
        }
        value={url}
        onChange={setUrl}
        error={url === "" ? null : urlError}
        mono
      />
      {kind === "slack" ? null : (
        <>
          <TextField
            label="Secret"
            hint={
              isKept
                ? "Empty: it stays as it is. Two with a space between them while a secret is replaced."
                : "Messages are signed with it. Give it to the receiver: it is never shown again."
            }
            value={secrets}
            onChange={setSecrets}
            error={secrets === "" ? null : secretsError}
            mono
          />
          <div>
            <Button small onPress={() => setSecrets([newSecret(), ...given].slice(0, 2).join(" "))}>
              Make a secret
            </Button>
          </div>
        </>
      )}
    </FormDialog>
  );
}
