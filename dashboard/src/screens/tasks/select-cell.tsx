import { t } from "@lingui/core/macro";
import { Checkbox, RowCheckbox } from "../../ui/checkbox.tsx";
import type { Selection } from "./use-selection.ts";

interface SelectCellProps {
  id: string;
  index: number;
  selected: boolean;
  toggle: Selection["toggle"];
}

/** The checkbox of a row. A click with Shift selects all rows since the last click. */
export function SelectCell({ id, index, selected, toggle }: SelectCellProps) {
  return (
    <div className="cell cell-check" role="cell">
      <RowCheckbox label={t`Select ${id}`} isSelected={selected} onToggle={(range) => toggle(index, range)} />
    </div>
  );
}

export function SelectAllCell({ selection }: { selection: Selection }) {
  return (
    <div role="columnheader" className="cell cell-check">
      <Checkbox
        label={t`Select all loaded`}
        isSelected={selection.everything || selection.all}
        isIndeterminate={!selection.everything && !selection.all && selection.any}
        onChange={selection.chooseLoaded}
      />
    </div>
  );
}
