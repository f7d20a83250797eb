// Which sides of what scrolls are marked as having more; where things are is made up, since nothing is laid out here.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { edges } from "./edges";

class Sizes {
  static readonly all: Sizes[] = [];
  readonly watched = new Set<Element>();
  constructor(readonly tell: () => void) { Sizes.all.push(this); }
  observe(one: Element) { this.watched.add(one); }
  disconnect() { this.watched.clear(); }
  /** As a browser does when something that is watched becomes larger or smaller. */
  static changed(one: Element) { for (const sizes of Sizes.all) if (sizes.watched.has(one)) sizes.tell(); }
}

beforeEach(() => { Sizes.all.length = 0; vi.stubGlobal("ResizeObserver", Sizes); });
afterEach(() => vi.unstubAllGlobals());

/** Something 300 wide that holds 500, with a way to scroll it and to change what it holds. */
function scrolling() {
  const node = document.createElement("div");
  node.append(document.createElement("table"));
  let [wide, left] = [500, 0];
  Object.defineProperties(node, { scrollWidth: { get: () => wide }, clientWidth: { value: 300 }, scrollLeft: { get: () => left } });
  return { node, holds: (now: number) => { wide = now; }, scroll: (to: number) => { left = to; node.dispatchEvent(new Event("scroll")); return node.dataset["more"]; } };
}

test("the sides that have more are marked, whichever way one writes", () => {
  const { scroll, node, holds } = scrolling();
  edges(node);
  expect([0, 80, 200, -80, -200].map(scroll)).toEqual(["end", "start end", "start", "start end", "start"]);
  holds(300);
  expect(scroll(0)).toBe("");
});

test("a change of its size, or of what is in it, marks it anew", async () => {
  const { node, holds } = scrolling();
  edges(node);
  Sizes.changed(node);
  expect(node.dataset["more"]).toBe("end");
  holds(300);
  Sizes.changed(node.children[0] as Element);
  expect(node.dataset["more"]).toBe("");
  const late = node.appendChild(document.createElement("table"));
  holds(500);
  await vi.waitFor(() => { Sizes.changed(late); expect(node.dataset["more"]).toBe("end"); });
});

test("when it leaves the page nothing is watched any more", async () => {
  const { node, scroll, holds } = scrolling();
  const end = edges(node);
  expect(scroll(0)).toBe("end");
  end?.();
  holds(300);
  node.append(document.createElement("table"));
  await Promise.resolve();
  for (const one of [node, ...node.children]) Sizes.changed(one);
  expect(scroll(0)).toBe("end");
});

test("where there is nothing, nothing is watched", () => {
  expect(edges(null)).toBeUndefined();
  expect(Sizes.all).toEqual([]);
});
