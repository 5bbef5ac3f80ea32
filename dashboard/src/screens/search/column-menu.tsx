import { t } from "@lingui/core/macro";
import { Columns3 } from "lucide-react";
import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { Button } from "../../ui/button.tsx";
import { COLUMN_IDS, type ColumnId, TASK_COLUMNS } from "./columns.tsx";
import type { useColumns } from "./use-columns.ts";

/** Shows a menu to choose the columns of a list. */
export function ColumnMenu({ columns }: { columns: ReturnType<typeof useColumns> }) {
  return (
    <MenuTrigger>
      <Button small>
        <Columns3 size={13} aria-hidden="true" />
        {t`Columns`}
      </Button>
      <Popover className="query-popover" placement="bottom end">
        <Menu
          className="query-list"
          aria-label={t`Columns`}
          selectionMode="multiple"
          selectedKeys={columns.chosen}
          onSelectionChange={(keys) =>
            columns.choose(keys === "all" ? COLUMN_IDS : COLUMN_IDS.filter((id) => keys.has(id)))
          }
        >
          {COLUMN_IDS.map((id: ColumnId) => (
            <MenuItem key={id} id={id} className="query-item" textValue={TASK_COLUMNS[id].title()}>
              {({ isSelected }) => (
                <>
                  <span>{TASK_COLUMNS[id].title()}</span>
                  <span className="hint">{isSelected ? t`shown` : ""}</span>
                </>
              )}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
