import { t } from "@lingui/core/macro";
import { Link, useLocation, useParams } from "@tanstack/react-router";
import { CircleHelp, LogOut, Menu, Search } from "lucide-react";
import { useSession } from "../session/session-context.tsx";
import { Button } from "../ui/button.tsx";
import { useToasts } from "../ui/toast.tsx";
import { ConnectionPill } from "./connection-pill.tsx";
import { RedisSwitcher } from "./redis-switcher.tsx";

interface TopbarProps {
  /** Opens the navigation; null if the navigation is already visible beside the page. */
  onMenu: (() => void) | null;
  onPalette(): void;
  onHelp(): void;
}

export function Topbar({ onMenu, onPalette, onHelp }: TopbarProps) {
  return (
    <header className="topbar">
      {onMenu === null ? null : (
        <Button look="quiet" aria-label={t`Menu`} onPress={onMenu}>
          <Menu size={18} aria-hidden="true" />
        </Button>
      )}
      <Crumbs />
      <button type="button" className="finder" onClick={onPalette}>
        <Search size={14} aria-hidden="true" />
        <span>{t`Find or do…`}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <RedisSwitcher />
      <ConnectionPill />
      <Who />
      <Button small look="quiet" aria-label={t`Keyboard shortcuts`} onPress={onHelp}>
        <CircleHelp size={16} aria-hidden="true" />
      </Button>
    </header>
  );
}

/** Shows the user and the role. There is nothing to show if the service has no keys. */
function Who() {
  const { session, leave } = useSession();
  const { fail } = useToasts();
  if (!session.keysRequired && session.role === "admin") return null;
  return (
    <div className="who">
      <span className="who-name" title={session.label}>
        {session.label}
      </span>
      <span className="role">{session.role}</span>
      {session.keysRequired ? (
        <Button
          small
          look="quiet"
          aria-label={t`Log out`}
          onPress={() =>
            void leave().catch((error: unknown) => fail(() => t`You were not logged out`, error))
          }
        >
          <LogOut size={14} aria-hidden="true" />
        </Button>
      ) : null}
    </div>
  );
}

function Crumbs() {
  const { queue, id } = useParams({ strict: false });
  const { pathname } = useLocation();
  // A top-level screen needs no breadcrumbs: the navigation marks it, and its heading has its name.
  if (queue === undefined || !pathname.startsWith("/queues/")) return <div className="crumbs-place" />;
  return (
    <nav aria-label={t`Breadcrumb`} className="crumbs-place">
      <ol className="crumbs">
        <li>
          <Link to="/">{t`Overview`}</Link>
        </li>
        <li>
          {id === undefined ? (
            <span aria-current="page">{queue}</span>
          ) : (
            <Link to="/queues/$queue" params={{ queue }}>
              {queue}
            </Link>
          )}
        </li>
        {id === undefined ? null : (
          <li>
            <span aria-current="page" className="mono">
              {id}
            </span>
          </li>
        )}
      </ol>
    </nav>
  );
}
