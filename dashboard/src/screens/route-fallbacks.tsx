import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import { Failed, NoneYet } from "../ui/empty.tsx";

export function NotFound() {
  return (
    <NoneYet title={t`There is no such page`} page>
      <p>
        <Trans>
          Go to the <Link to="/">overview</Link>.
        </Trans>
      </p>
    </NoneYet>
  );
}

export function RouteFailed({ error, reset }: { error: unknown; reset: () => void }) {
  return <Failed error={error} onRetry={reset} page />;
}
