import type { ReactNode } from "react";

/** A few choices of which one holds, side by side. */
export function Segments<T extends string | undefined>({ label, value, options, choose }: { label: string; value: T; options: [T, string][]; choose: (value: T) => void }): ReactNode {
  return <div className="segments" role="group" aria-label={label}>{options.map(([one, text]) => <button key={one ?? ""} type="button" aria-pressed={value === one} onClick={() => choose(one)}>{text}</button>)}</div>;
}
