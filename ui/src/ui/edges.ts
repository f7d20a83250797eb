// Marks what scrolls sideways with the sides that still have more; the style sheet fades them.

/** A ref of what scrolls: keeps `data-more` ("start", "end", "start end" or "") true, in both writing directions. */
export function edges(node: HTMLElement | null): (() => void) | undefined {
  if (!node) return undefined;
  const mark = () => {
    const before = Math.abs(node.scrollLeft); // negative where one writes from right to left
    const after = node.scrollWidth - node.clientWidth - before;
    node.dataset["more"] = [before > 1 && "start", after > 1 && "end"].filter(Boolean).join(" ");
  };
  const sizes = new ResizeObserver(mark);
  const watch = () => { for (const part of [node, ...node.children]) sizes.observe(part); };
  const parts = new MutationObserver(watch);
  watch();
  parts.observe(node, { childList: true });
  node.addEventListener("scroll", mark, { passive: true });
  return () => { sizes.disconnect(); parts.disconnect(); node.removeEventListener("scroll", mark); };
}
