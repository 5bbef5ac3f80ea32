import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";

interface VirtualListProps<T> {
  label: string;
  /** Class that sets the columns. */
  className: string;
  head: ReactNode;
  rows: readonly T[];
  rowHeight: number;
  rowKey(row: T): string;
  row(row: T, index: number): ReactNode;
  /** Called when the reader nears the end. */
  onEnd(): void;
}

/** Keeps only the visible rows in the page, whatever their number. Rows share one height. */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const { label, className, head, rows, rowHeight, rowKey, row, onEnd } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    // Before the first measurement (and in tests without layout) a screenful is drawn.
    initialRect: { width: 1_000, height: 800 },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new height is what has to be measured
  useEffect(() => virtualizer.measure(), [rowHeight]);
  const items = virtualizer.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (rows.length > 0 && lastShown >= rows.length - 20) onEnd();
  }, [lastShown, rows.length, onEnd]);
  return (
    <div
      className={`grid-table ${className}`}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
    >
      <div role="rowgroup">
        <div className="grid-row grid-head" role="row">
          {head}
        </div>
      </div>
      <div
        className="scroller"
        ref={scroller}
        role="rowgroup"
        tabIndex={0}
        aria-label={`${label}, scrollable`}
      >
        <div className="virtual grid-body" role="presentation" style={{ height: virtualizer.getTotalSize() }}>
          {items.map((item) => {
            const value = rows[item.index];
            if (value === undefined) return null;
            return (
              <div
                key={rowKey(value)}
                className="grid-row"
                role="row"
                aria-rowindex={item.index + 2}
                style={{ height: item.size, transform: `translateY(${item.start}px)` }}
              >
                {row(value, item.index)}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
