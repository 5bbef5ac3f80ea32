import { expect, test } from "vitest";
import { allowsDemoLoad, assertDemoLoad } from "./environment.ts";

test.each([undefined, null, "", " ", "development", "Development"])(
  "demo load is allowed where ENVIRONMENT is %j",
  (environment) => {
    expect(allowsDemoLoad(environment)).toBe(true);
    expect(() => assertDemoLoad(environment)).not.toThrow();
  },
);

test.each(["production", "staging", "dev", "developments", "test"])(
  "demo load is refused where ENVIRONMENT is %j, and the error says why",
  (environment) => {
    expect(allowsDemoLoad(environment)).toBe(false);
    expect(() => assertDemoLoad(environment)).toThrow(
      expect.objectContaining({ code: "forbidden", message: expect.stringContaining(`"${environment}"`) }),
    );
  },
);
