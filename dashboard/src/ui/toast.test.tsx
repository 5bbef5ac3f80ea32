import { t } from "@lingui/core/macro";
import { act, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ApiError } from "../api/errors.ts";
import { InLanguage } from "../language/in-language.tsx";
import { setLanguage } from "../language/texts.tsx";
import { ToastCards, ToastProvider, useToasts } from "./toast.tsx";

afterEach(() => setLanguage("en", {}));

function Buttons() {
  const { say, fail } = useToasts();
  const refused = new ApiError({ status: 403, code: "forbidden", detail: "read-only", requestId: "r1" });
  return (
    <>
      <button
        type="button"
        onClick={() =>
          say(
            () => t`Nothing was discarded`,
            () => t`Each task goes back to the dead letters.`,
            { text: () => t`Undo`, run: () => {} },
          )
        }
      >
        say
      </button>
      <button type="button" onClick={() => fail(() => t`The task was not changed`, refused)}>
        fail
      </button>
    </>
  );
}

test("an open toast follows a change of the language, and an error keeps its cause and its request", () => {
  render(
    <ToastProvider>
      <InLanguage>
        <Buttons />
        <ToastCards />
      </InLanguage>
    </ToastProvider>,
  );
  act(() => screen.getByText("say").click());
  act(() => screen.getByText("fail").click());
  expect(screen.getByRole("status").textContent).toContain("Your role does not allow this.");
  act(() =>
    setLanguage("de", {
      "Nothing was discarded": "Nichts wurde verworfen",
      "Each task goes back to the dead letters.": "Jede Task geht zurück.",
      Undo: "Rückgängig machen",
      "The task was not changed": "Die Task wurde nicht geändert",
      "Your role does not allow this.": "Deine Rolle erlaubt das nicht.",
    }),
  );
  const shown = screen.getByRole("status").textContent;
  for (const text of [
    ...["Nichts wurde verworfen", "Jede Task geht zurück.", "Rückgängig machen"],
    ...["Die Task wurde nicht geändert", "Deine Rolle erlaubt das nicht.", "read-only", "r1"],
  ])
    expect(shown).toContain(text);
});
