import { act, renderHook } from "@testing-library/react";
import { expect, it } from "vitest";
import { useDraft } from "./use-draft.ts";

const setup = (address: string) =>
  renderHook(({ address }) => useDraft(address), { initialProps: { address } });

it("keeps the newest keys while the address still has older ones", () => {
  const { result, rerender } = setup("");
  act(() => result.current.send("e"));
  act(() => result.current.send("em"));
  rerender({ address: "e" });
  expect(result.current.text).toBe("em");
  act(() => result.current.send("ema"));
  // The router skipped one of the sent texts, because a newer one followed it.
  rerender({ address: "ema" });
  expect(result.current.text).toBe("ema");
});

it("takes an address that did not come from the field", () => {
  const { result, rerender } = setup("old");
  expect(result.current.text).toBe("old");
  act(() => result.current.type("half a wo"));
  rerender({ address: "by a link" });
  expect(result.current.text).toBe("by a link");
  act(() => result.current.send("mine"));
  rerender({ address: "mine" });
  rerender({ address: "" });
  expect(result.current.text).toBe("");
});

it("keeps what is typed after a text was sent", () => {
  const { result, rerender } = setup("");
  act(() => result.current.send("ana"));
  act(() => result.current.type("anabel"));
  rerender({ address: "ana" });
  expect(result.current.text).toBe("anabel");
});
