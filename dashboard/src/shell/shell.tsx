import { Outlet, useLocation } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";
import { ToastCards } from "../ui/toast.tsx";
import { useNarrow } from "../ui/use-narrow.ts";
import { OperationCards } from "./operation-cards.tsx";
import { Sidebar } from "./sidebar.tsx";
import { SystemBanners } from "./system-banners.tsx";
import { Topbar } from "./topbar.tsx";
import { useShortcuts } from "./use-shortcuts.ts";

// Opened by a key or a button: not worth a byte of the first load.
const Palette = lazy(() => import("./palette.tsx").then((module) => ({ default: module.Palette })));
const HelpSheet = lazy(() => import("./help-sheet.tsx").then((module) => ({ default: module.HelpSheet })));

export function Shell() {
  const [open, setOpen] = useState<"palette" | "help" | "menu" | null>(null);
  const narrow = useNarrow();
  const { pathname } = useLocation();
  useShortcuts({ onPalette: () => setOpen("palette"), onHelp: () => setOpen("help") });
  useFocusOnNewScreen(pathname);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes with each change of the screen
  useEffect(() => setOpen(null), [pathname]);
  const close = () => setOpen(null);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
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
            <Dialog className="sidebar" aria-label="Menu">
              <Sidebar />
            </Dialog>
          </Modal>
        </ModalOverlay>
      ) : null}
      <Suspense fallback={null}>
        {open === "palette" ? <Palette onClose={close} onHelp={() => setOpen("help")} /> : null}
        {open === "help" ? <HelpSheet onClose={close} /> : null}
      </Suspense>
    </div>
  );
}

/** A new screen is a new page: the focus goes to its beginning, as a screen reader expects. */
function useFocusOnNewScreen(pathname: string): void {
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs with each change of the path
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const active = document.activeElement;
    // A tab or a link of a bar that stays keeps the focus: arrows and Tab go on from there.
    if (active === null || active === document.body)
      document.getElementById("main")?.focus({ preventScroll: true });
  }, [pathname]);
}
