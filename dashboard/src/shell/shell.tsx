import { t } from "@lingui/core/macro";
import { Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";
import { flushSync } from "react-dom";
import { ToastCards } from "../ui/toast.tsx";
import { useNarrow } from "../ui/use-narrow.ts";
import { ActionKeys } from "./action-keys.tsx";
import { HelpSheet } from "./help-sheet.tsx";
import { UnknownSearchBanner } from "./known-search.tsx";
import { OperationCards } from "./operation-cards.tsx";
import { Palette } from "./palette.tsx";
import { useScreenTitle } from "./screen-title.ts";
import { Sidebar } from "./sidebar.tsx";
import { SystemBanners } from "./system-banners.tsx";
import { Topbar } from "./topbar.tsx";
import { useRowClick } from "./use-row-click.ts";
import { useShortcuts } from "./use-shortcuts.ts";

export function Shell() {
  const [open, setOpen] = useState<"palette" | "help" | "menu" | "keys" | null>(null);
  const narrow = useNarrow();
  const { pathname } = useLocation();
  // flushSync renders within the key event, so that the next key already goes to the opened part.
  const openNow = (what: "palette" | "help" | "keys") => flushSync(() => setOpen(what));
  useShortcuts({
    onPalette: () => openNow("palette"),
    onHelp: () => openNow("help"),
    onActionKeys: () => openNow("keys"),
    isOff: open !== null,
  });
  useFocusOnNewScreen(pathname);
  useRowClick();
  useScreenTitle();
  // The menu closes when the screen changes. A palette or sheet stays open, because the user may be typing in it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs with each change of the path
  useEffect(() => setOpen((now) => (now === "menu" ? null : now)), [pathname]);
  const close = () => setOpen(null);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        {t`Skip to content`}
      </a>
      {narrow ? null : (
        <aside className="sidebar">
          <Sidebar />
        </aside>
      )}
      <div className="main">
        <Topbar
          onMenu={narrow ? () => setOpen("menu") : null}
          onPalette={() => setOpen("palette")}
          onHelp={() => setOpen("help")}
        />
        <main id="main" className="content" tabIndex={-1}>
          <SystemBanners />
          <UnknownSearchBanner />
          <Outlet />
        </main>
      </div>
      <div className="dock dock-operations">
        <OperationCards />
      </div>
      <div className="dock">
        <ToastCards />
      </div>
      {open === "menu" ? (
        <ModalOverlay
          className="overlay overlay-drawer"
          isOpen
          isDismissable
          onOpenChange={(on) => on || close()}
        >
          <Modal className="drawer">
            <Dialog className="sidebar" aria-label={t`Menu`}>
              <Sidebar />
            </Dialog>
          </Modal>
        </ModalOverlay>
      ) : null}
      {open === "palette" ? <Palette onClose={close} onHelp={() => setOpen("help")} /> : null}
      {open === "help" ? <HelpSheet onClose={close} /> : null}
      {open === "keys" ? <ActionKeys onClose={close} /> : null}
    </div>
  );
}

/** Moves the focus to the beginning of a new screen, which users of screen readers expect after a page change. */
function useFocusOnNewScreen(pathname: string): void {
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs with each change of the path
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const active = document.activeElement;
    // If the focused tab or link is still on the page, it keeps the focus, so that the arrow keys and Tab continue
    // from it.
    if (active === null || active === document.body)
      document.getElementById("main")?.focus({ preventScroll: true });
  }, [pathname]);
}
