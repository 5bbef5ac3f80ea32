import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toApiError } from "../api/errors.ts";
import { logIn, sessionKey } from "../api/session.ts";
import { Mark } from "../ui/brand.tsx";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/text-field.tsx";
import { NO_TROUBLE, titleOf, useTitle } from "../ui/title.ts";

export function LoginPage({ environment }: { environment: string | null }) {
  const client = useQueryClient();
  const [key, setKey] = useState("");
  useTitle(titleOf(t`Log in`, NO_TROUBLE, environment));
  const enter = useMutation({
    mutationFn: logIn,
    onSuccess: async (session) => {
      setKey("");
      client.setQueryData(sessionKey, session);
      await client.invalidateQueries();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== "") enter.mutate(key.trim());
  };
  return (
    <main className="gate">
      <form className="panel gate-card" onSubmit={submit}>
        <div className="brand">
          <Mark />
          <span>Holdfast</span>
          {environment === null || environment === "" ? null : <span className="env">{environment}</span>}
        </div>
        <h1>{t`Log in`}</h1>
        <TextField
          label={t`API key`}
          hint={t`The key begins with hf_. This browser does not keep the key, but a cookie that scripts cannot read.`}
          value={key}
          onChange={setKey}
          type="password"
          mono
          autoFocus
          error={enter.error === null ? null : toApiError(enter.error).detail}
        />
        <Button type="submit" look="primary" isDisabled={key.trim() === "" || enter.isPending}>
          <KeyRound size={15} aria-hidden="true" />
          {enter.isPending ? t`Logging in…` : t`Log in`}
        </Button>
        <p className="hint">
          <Trans>
            No key? An administrator makes one with <code>holdfast key create</code>.
          </Trans>
        </p>
      </form>
    </main>
  );
}
