// Which sides of what scrolls are marked as having more; where things are is made up, since nothing is laid out here.
import { expect, test } from "vitest";
import { edges } from "./edges";

test("what scrolls is marked with the sides that have more, whichever way one writes", () => {
  const node = document.createElement("div");
  Object.defineProperties(node, { scrollWidth: { value: 500, configurable: true }, clientWidth: { value: 300 } });
  const end = edges(node);
  const at = (left: number) => { Object.defineProperty(node, "scrollLeft", { value: left, configurable: true }); node.dispatchEvent(new Event("scroll")); return node.dataset["more"]; };
  expect([0, 80, 200, -80, -200].map(at)).toEqual(["end", "start end", "start", "start end", "start"]);
  Object.defineProperty(node, "scrollWidth", { value: 300 });
  expect(at(0)).toBe("");
  end?.();
});
