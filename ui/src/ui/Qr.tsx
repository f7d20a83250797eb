// A text as a QR code: dark modules on white in both schemes, since cameras want it so.
import type { ReactNode } from "react";
import { encode } from "uqr";

export function Qr({ text, label }: { text: string; label: string }): ReactNode {
  const { size, data } = encode(text, { border: 3 });
  const path = data.flatMap((line, y) => line.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges"><rect width={size} height={size} fill="#fff" /><path d={path} fill="#000" /></svg>;
}
