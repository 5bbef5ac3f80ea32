import { Link } from "@tanstack/react-router";
import { Failed, NoneYet } from "../ui/empty.tsx";

export function NotFound() {
  return (
    <NoneYet title="There is no such page" page>
      <p>
        Go to the <Link to="/">overview</Link>.
      </p>
    </NoneYet>
  );
}

export function RouteFailed({ error, reset }: { error: unknown; reset: () => void }) {
  return <Failed error={error} onRetry={reset} page />;
}
