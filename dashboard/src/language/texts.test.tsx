import { compileMessageOrThrow } from "@lingui/message-utils/compileMessage";
import { render } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";
import { count } from "../format/number.ts";
import { relative } from "../format/time.ts";
import { languageOf } from "./choice.ts";
import { i18n, setLanguage, Trans } from "./texts.tsx";

describe("a text", () => {
  const elements = { 0: <b />, 1: <i>own</i> };
  afterEach(() => setLanguage("en", {}));
  const shown = (message: string, values = {}) =>
    render(<Trans id="x" message={compileMessageOrThrow(message)} values={values} components={elements} />)
      .container.innerHTML;

  it("keeps its elements, and shows tags in a value as plain text", () => {
    expect(shown("a <0>{name}</0> <1/>", { name: "<1/>\\u0041{name}" })).toBe(
      "a <b>&lt;1/&gt;\\u0041{name}</b> <i>own</i>",
    );
    expect(i18n._({ id: "x", message: ["task ", ["id"]], values: { id: "\\u0041 <0/>" } })).toBe(
      "task \\u0041 <0/>",
    );
  });

  it("has the plural and the numbers of its language", () => {
    const message = "<0>{n, plural, =0 {none} one {# task} other {# tasks}}</0> left";
    expect(shown(message, { n: 0 })).toBe("<b>none</b> left");
    expect(shown(message, { n: 1 })).toBe("<b>1 task</b> left");
    expect(shown(message, { n: 1_204 })).toBe("<b>1,204 tasks</b> left");
    setLanguage("de", {});
    expect(shown(message, { n: 1_204 })).toBe("<b>1.204 tasks</b> left");
    expect(count(1_204)).toBe("1.204");
    expect(document.documentElement.lang).toBe("de");
  });

  it("in German replaces the English one of the source", () => {
    setLanguage("de", { x: compileMessageOrThrow("vor {0}") });
    expect(i18n._({ id: "x", message: [["0"], " ago"], values: { 0: "12 s" } })).toBe("vor 12 s");
    expect(relative(0, 500)).toBe("just now");
  });
});

it("the language is that of the browser unless one was chosen", () => {
  expect(languageOf("system", ["de-AT", "en"])).toBe("de");
  expect(languageOf("system", ["fr", "de"])).toBe("de");
  expect(languageOf("system", ["fr"])).toBe("en");
  expect(languageOf("en", ["de"])).toBe("en");
});
