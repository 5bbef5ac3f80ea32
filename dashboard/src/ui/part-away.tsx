import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { ServerOff } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useLive } from "../live/live-context.tsx";
import { Button } from "./button.tsx";

const RETRY_MS = 2_000;
/**
 * If this many attempts in a row fail although the API answers, a newer version of the dashboard was installed, or
 * the browser has cached the failure.
 */
const OUTDATED_AFTER = 3;

/** Shown in place of a part whose code could not be loaded. */
export function PartAway({ what, retry, page }: { what: string; retry(): Promise<void>; page: boolean }) {
  const { connection } = useLive();
  const answers = connection.phase === "live" || (connection.phase === "polling" && !connection.stale);
  const [failures, setFailures] = useState(0);
  const latest = useRef(retry);
  latest.current = retry;

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const again = async () => {
      await latest.current();
      // If the attempt succeeded, the loaded part has replaced this component.
      if (over) return;
      setFailures((count) => (answers ? count + 1 : 0));
      timer = setTimeout(() => void again(), RETRY_MS);
    };
    timer = setTimeout(() => void again(), answers ? 0 : RETRY_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [answers]);

  const Heading = page ? "h1" : "h2";
  const outdated = answers && failures >= OUTDATED_AFTER;
  return (
    <div className="empty" role="alert">
      <ServerOff size={30} strokeWidth={1.5} aria-hidden="true" />
      <Heading>
        <Trans>Cannot load {what}</Trans>
      </Heading>
      {outdated ? (
        <p>
          <Trans>
            The server has another version of the dashboard, without this file. Reload the page to get that
            version.
          </Trans>
        </p>
      ) : (
        <p>
          <Trans>
            {location.host} does not send it. It opens by itself as soon as the server answers; what is
            already open stays usable.
          </Trans>
        </p>
      )}
      <Button onPress={() => (outdated ? location.reload() : void retry())}>
        {outdated ? t`Reload the page` : t`Try again`}
      </Button>
    </div>
  );
}
