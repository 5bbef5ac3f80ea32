import { powerCutRow } from "../harness/power-cut.mjs";

export const row = powerCutRow(10, "everysec", 2_000);
